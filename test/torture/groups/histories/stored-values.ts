/** Values that say which write put them, and are long enough to fill memtables. */

import type { Version } from "./checker/history.js";

const padding = "-".repeat(500);

export function textOf(id: Version): string {
  return `${id}:${padding.slice(0, (id * 7919) % padding.length)}`;
}

/** The write that put a value. Throws for one that is not whole. */
export function idOf(value: unknown, key: string): Version {
  const id = typeof value === "string" ? Number.parseInt(value, 10) : Number.NaN;
  if (!(id > 0) || value !== textOf(id)) {
    throw new Error(`The value of ${key} is no value that was put: ${JSON.stringify(value)?.slice(0, 80)}`);
  }
  return id;
}
