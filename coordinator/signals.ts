/**
 * Closes open databases when the program is asked to end by SIGINT or SIGTERM, then lets the signal do its work. A
 * program that handles the signal itself is left alone: it decides, and closes its databases.
 */

const signals = ["SIGINT", "SIGTERM"] as const;

interface Closable {
  close(): Promise<void>;
}

const open = new Set<Closable>();

const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) {
    return;
  }
  void Promise.allSettled([...open].map((database) => database.close())).then(() => {
    stopListening();
    process.kill(process.pid, signal);
  });
};

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
