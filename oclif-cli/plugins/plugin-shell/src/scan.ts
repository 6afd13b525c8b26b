/** Printing a scan: for people, as keys, or as JSON lines. */

import type { FastKV, FastKVError, ScanOptions, Snapshot } from "fastkv";
import type { LineWriter } from "fastkv-cli/kit/output";
import { displayKey, keyFromBytes } from "./text/key.js";
import { formatInline } from "./text/value.js";

export type ScanFormat = "text" | "keys";

/** Prints each entry and returns their number. Keys are read as bytes, because a key need not be text. */
export async function printScan(
  db: FastKV,
  options: ScanOptions,
  format: ScanFormat,
  output: LineWriter,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  const print = async (key: Uint8Array, text: string): Promise<void> => {
    const name = displayKey(keyFromBytes(key));
    await output.line(format === "keys" ? name : `${name}: ${text}`);
    count++;
    signal.throwIfAborted();
  };
  if (format === "keys") {
    for await (const key of db.keys({ ...options, keyEncoding: "binary", signal })) {
      await print(key, "");
    }
    return count;
  }
  const held = options.snapshot === undefined ? await db.snapshot() : undefined;
  try {
    const snapshot = (options.snapshot ?? held) as Snapshot;
    await printValues(db, { ...options, snapshot }, signal, print);
  } finally {
    await held?.close();
  }
  return count;
}

/**
 * Values of classes that only a program can register are named instead of shown: the scan ends at such a value, and is
 * continued after it.
 */
async function printValues(
  db: FastKV,
  options: ScanOptions,
  signal: AbortSignal,
  print: (key: Uint8Array, text: string) => Promise<void>,
): Promise<void> {
  let rest: ScanOptions | undefined = options;
  while (rest !== undefined) {
    let limit: number | undefined = rest.limit;
    let last: Uint8Array | undefined;
    try {
      for await (const [key, value] of db.scan({ ...rest, keyEncoding: "binary", signal })) {
        await print(key, formatInline(value));
        last = key;
        limit = limit === undefined ? undefined : limit - 1;
      }
      return;
    } catch (error) {
      if ((error as FastKVError).code !== "FASTKV_INVALID_VALUE") {
        throw error;
      }
      const behind: ScanOptions = last === undefined ? rest : after(rest, last);
      const keys = await db.keys({ ...behind, keyEncoding: "binary", limit: 1, signal }).toArray();
      const unreadable: Uint8Array = keys[0]!;
      await print(
        unreadable,
        "<a value of a program's own class; scan --json and export show what is stored>",
      );
      rest = { ...after(rest, unreadable), limit: limit === undefined ? undefined : limit - 1 };
    }
  }
}

/** What is left of a scan after a key. */
function after(options: ScanOptions, key: Uint8Array): ScanOptions {
  return options.reverse === true
    ? { ...options, lte: undefined, lt: key }
    : { ...options, gte: undefined, gt: key };
}
