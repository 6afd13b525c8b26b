/** Printing statistics as JSON. */

import type { LineWriter } from "fastkv-cli/kit/output";

export function printStats(stats: unknown, output: LineWriter): void {
  output.say(JSON.stringify(stats, plain, 2));
}

/** JSON has no BigInt, and turns maps into empty objects. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return value.toString();
  }
  return value instanceof Map ? Object.fromEntries(value) : value;
}
