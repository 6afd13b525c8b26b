/** A timer that is so late was held up by the program: what it waits for had no chance to come in either. */
const busyMs = 100;

/**
 * Calls `onOver` after `ms`, and anew after `ms` where the program kept the event loop busy until then. Gives what ends the
 * waiting.
 */
export function startPatience(ms: number, onOver: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => (performance.now() - due > busyMs ? wait() : onOver()), ms);
  };
  wait();
  return () => clearTimeout(timer);
}
