/**
 * Closes open databases when the program is asked to end by SIGINT or SIGTERM, then lets the signal do its work. Who
 * asks again while that takes its time, as where a shard hangs, ends the program at once. A program that handles the
 * signal itself is left alone: it decides, and closes its databases.
 */

import type { FastKVError } from "../shared/errors.js";

const signals = ["SIGINT", "SIGTERM"] as const;
/** Less far apart, two signals are one: `npm` passes on a Ctrl-C that the terminal has sent to all processes already. */
const repeatMs = 1000;

interface Closable {
  readonly path: string;
  close(): Promise<void>;
}

const open = new Set<Closable>();
let end: Promise<void> | undefined;
let askedAtMs = 0;

const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) {
    return;
  }
  if (end === undefined) {
    askedAtMs = performance.now();
    end = endBy(signal);
  } else if (performance.now() - askedAtMs >= repeatMs) {
    stopListening();
    process.kill(process.pid, signal);
  }
};

async function endBy(signal: NodeJS.Signals): Promise<void> {
  await Promise.all([...open].map((database) => closeBy(signal, database)));
  // Warnings are printed behind the turn in which they are made.
  await new Promise(setImmediate);
  stopListening();
  process.kill(process.pid, signal);
  // Hardly any program gets here.
  await new Promise(setImmediate);
  end = undefined;
}

/** Nobody awaits this close: where it fails, as when writes may be lost, the program's warnings tell. */
async function closeBy(signal: NodeJS.Signals, database: Closable): Promise<void> {
  try {
    await database.close();
  } catch (error) {
    const { code, message, writeOutcome } = error as FastKVError;
    const loss = writeOutcome === "in-doubt" ? ": the last writes may be lost" : "";
    const text = `${signal} closed the database in ${database.path}, which failed${loss}. ${message}`;
    process.emitWarning(text, { type: "FastKVWarning", code });
  }
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
