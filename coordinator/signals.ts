/**
 * Closes open databases when the program is asked to end by SIGINT or SIGTERM, then lets the signal do its work. A
 * program that handles the signal itself is left alone: it decides, and closes its databases.
 */

const signals = ["SIGINT", "SIGTERM"] as const;

interface Closable {
  close(): Promise<void>;
}

const open = new Set<Closable>();
let end: Promise<void> | undefined;

const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) {
    return;
  }
  end ??= endBy(signal);
};

async function endBy(signal: NodeJS.Signals): Promise<void> {
  await Promise.allSettled([...open].map((database) => database.close()));
  stopListening();
  process.kill(process.pid, signal);
  // Hardly any program gets here.
  await new Promise(setImmediate);
  end = undefined;
}

/** While a signal ends the program: settles only if the program outlives it. Undefined at all other times. */
export function endOfProgram(): Promise<void> | undefined {
  return end;
}

function stopListening(): void {
  for (const signal of signals) {
    process.off(signal, onSignal);
  }
}

export function closeOnSignals(database: Closable): void {
  if (open.size === 0) {
    for (const signal of signals) {
      process.on(signal, onSignal);
    }
  }
  open.add(database);
}

export function forgetSignals(database: Closable): void {
  if (open.delete(database) && open.size === 0) {
    stopListening();
  }
}
