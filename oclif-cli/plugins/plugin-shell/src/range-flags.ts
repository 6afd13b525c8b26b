/** The flags that choose a range, for `scan` and `export`. */

import { Flags } from "@oclif/core";
import type { ScanOptions } from "fastkv";

export const rangeFlags = {
  prefix: Flags.string({ description: "only keys that begin with this" }),
  limit: Flags.integer({ description: "at most so many entries", min: 0 }),
  reverse: Flags.boolean({ description: "from the last key to the first" }),
  gt: Flags.string({ description: "only keys after this one", exclusive: ["gte"] }),
  gte: Flags.string({ description: "only this key and those after it" }),
  lt: Flags.string({ description: "only keys before this one", exclusive: ["lte"] }),
  lte: Flags.string({ description: "only this key and those before it" }),
};

type RangeValues = { [name in keyof typeof rangeFlags]?: string | number | boolean | undefined };

export function scanFromFlags(flags: RangeValues): ScanOptions {
  const given = Object.keys(rangeFlags).map((name) => [name, flags[name as keyof RangeValues]] as const);
  return Object.fromEntries(
    given.filter(([, value]) => value !== undefined && value !== false),
  ) as ScanOptions;
}
