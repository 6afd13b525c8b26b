/** The range of keys that a command works on, from its words and options. */

import type { ScanOptions } from "fastkv";
import type { Key } from "../text/key.js";
import { type CommandArguments, parseLimit } from "./command.js";
import type { OptionKind } from "./options.js";

export const rangeOptions = {
  prefix: "text",
  gt: "text",
  gte: "text",
  lt: "text",
  lte: "text",
} as const satisfies Record<string, OptionKind>;

export const scanOptions = {
  ...rangeOptions,
  limit: "text",
  reverse: "flag",
} as const satisfies Record<string, OptionKind>;

export interface KeyRange {
  prefix?: Key;
  gt?: Key;
  gte?: Key;
  lt?: Key;
  lte?: Key;
}

export function readRange(args: CommandArguments, prefix: Key | undefined): KeyRange {
  const range: KeyRange = {};
  for (const name of Object.keys(rangeOptions) as (keyof KeyRange)[]) {
    const value = name === "prefix" ? (args.option(name) ?? prefix) : args.option(name);
    if (value !== undefined && (name !== "prefix" || value.length > 0)) {
      range[name] = value;
    }
  }
  return range;
}

export function readScan(args: CommandArguments, prefix: Key | undefined, limit?: string): ScanOptions {
  const scan: ScanOptions = readRange(args, prefix);
  const limitText = args.option("limit") ?? limit;
  if (limitText !== undefined) {
    scan.limit = parseLimit(limitText);
  }
  if (args.flag("reverse")) {
    scan.reverse = true;
  }
  return scan;
}
