/** Printing a scan: for people, as keys, or as JSON lines. */

import type { FastKV, ScanOptions } from "fastkv";
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
  for await (const [key, value] of db.scan({ ...options, keyEncoding: "binary", signal })) {
    const name = displayKey(keyFromBytes(key));
    await output.line(format === "keys" ? name : `${name}: ${formatInline(value)}`);
    count++;
    signal.throwIfAborted();
  }
  return count;
}
