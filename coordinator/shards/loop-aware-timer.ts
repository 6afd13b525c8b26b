/** A timer later than this was delayed by the program, which also kept the awaited event from arriving. */
const busyMs = 100;

/**
 * Calls `onOver` after `ms`, or waits for `ms` again if the program blocked the event loop. Returns the function that
 * cancels.
 */
export function startLoopAwareTimer(ms: number, onOver: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => (performance.now() - due > busyMs ? wait() : onOver()), ms);
  };
  wait();
  return () => clearTimeout(timer);
}
