/** Hints for error messages: they suggest what was probably meant. Pure, and not on hot paths. */

import { excerpt } from "../../shared/bytes.js";

/** Names that other stores use for an option. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ["start", "gte"],
  ["from", "gte"],
  ["end", "lt"],
  ["to", "lt"],
  ["max", "limit"],
  ["count", "limit"],
  ["maxage", "ttl"],
  ["sync", "durability"],
]);

/** Suggests the option meant by an unknown name. */
export function nameHint(name: string, known: readonly string[]): string {
  const lower = name.toLowerCase();
  const meant = known.find((one) => one.toLowerCase() === lower) ?? otherNames.get(lower);
  return meant !== undefined && known.includes(meant)
    ? `did you mean ${meant}?`
    : `it has ${known.join(", ")}`;
}

/** Returns a hint when options were expected and something else was given. */
export function optionsHint(given: unknown, known: readonly string[]): string {
  if (typeof given === "string" && known.includes("prefix")) {
    return `. A prefix is given as { prefix: ${excerpt(given, 60)} }`;
  }
  return typeof given === "number" && given > 0 && known.includes("ttl")
    ? `. A time to live is given as { ttl: ${given} }`
    : "";
}

/** Returns a hint when a key was expected and something else was given. */
export function keyHint(given: unknown): string {
  if (Array.isArray(given)) {
    return ". Several keys go to getMany, hasMany, batchPut or batch";
  }
  return typeof given === "number" || typeof given === "bigint"
    ? ". Give String(key), padded with zeros where numbers are to be in order"
    : "";
}
