/**
 * Closes open databases when the program receives SIGINT or SIGTERM, then lets the signal take effect. A second signal
 * while databases close (for example because a shard hangs) ends the program at once. A program that handles the signal
 * itself is left alone: it decides what to do, and closes its databases.
 */

import type { FastKVError } from "../shared/errors.js";

const signals = ["SIGINT", "SIGTERM"] as const;
/**
 * Number of copies of this module in the process that listen. The last one whose databases are closed lets the signal
 * take effect.
 */
const copies = sharedCount("fastkv signals");
/**
 * Two signals closer together than this count as one: `npm` passes on a Ctrl-C that the terminal already sent to all
 * processes.
 */
const repeatMs = 1000;

interface Closable {
  readonly path: string;
  close(): Promise<void>;
}

const open = new Set<Closable>();
let isListening = false;
let end: Promise<void> | undefined;
let askedAtMs = 0;

const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > copies.count + watchers()) {
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
  // Warnings are printed after the turn in which they are made.
  await new Promise(setImmediate);
  stopListening();
  if (copies.count === 0) {
    process.kill(process.pid, signal);
  }
  // Few programs get here.
  await new Promise(setImmediate);
  end = undefined;
}

/** Nobody awaits this close, so a failure, such as a possible loss of writes, is reported as a process warning. */
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

/** Returns a promise while a signal ends the program; it settles only if the program survives. Otherwise undefined. */
export function endOfProgram(): Promise<void> | undefined {
  return end;
}

/**
 * Counts the listeners of the package signal-exit, which many packages use. They act only if nobody else listens, and
 * so do we. Versions 3 and 4 publish their counts.
 */
function watchers(): number {
  const { __signal_exit_emitter__: third } = process as { __signal_exit_emitter__?: { count?: unknown } };
  const fourth = (globalThis as Record<symbol, { count?: unknown } | undefined>)[
    Symbol.for("signal-exit emitter")
  ];
  return [third, fourth].reduce((sum, emitter) => sum + (Number(emitter?.count) || 0), 0);
}

function sharedCount(name: string): { count: number } {
  const holder = globalThis as Record<symbol, { count: number } | undefined>;
  const key = Symbol.for(name);
  holder[key] ??= { count: 0 };
  return holder[key];
}

function listen(): void {
  if (!isListening) {
    isListening = true;
    copies.count += 1;
    for (const signal of signals) {
      // Before all other listeners: one added with `once` is already removed when it runs, and would not be counted.
      process.prependListener(signal, onSignal);
    }
  }
}

function stopListening(): void {
  if (isListening) {
    isListening = false;
    copies.count -= 1;
    for (const signal of signals) {
      process.off(signal, onSignal);
    }
  }
}

export function closeOnSignals(database: Closable): void {
  listen();
  open.add(database);
}

export function forgetSignals(database: Closable): void {
  if (open.delete(database) && open.size === 0) {
    stopListening();
  }
}
