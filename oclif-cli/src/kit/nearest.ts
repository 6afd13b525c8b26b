/** "Did you mean ...?" */

import { synonymOf } from "./synonym.js";

const maxDistance = 2;

/**
 * The name that was probably meant: one for which the given name is a synonym, one that begins with it, or one that is
 * an edit or two away.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const synonym = synonymOf(lower);
  if (synonym !== undefined && names.includes(synonym)) {
    return synonym;
  }
  const begun = lower.length > 1 ? names.find((candidate) => candidate.startsWith(lower)) : undefined;
  if (begun !== undefined) {
    return begun;
  }
  let best: string | undefined;
  let bestDistance = Math.min(maxDistance, lower.length - 1) + 1;
  for (const candidate of names) {
    const found = distance(lower, candidate);
    if (found < bestDistance) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}

/** Levenshtein's edit distance; the words are short. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at++) {
    const next = [at];
    for (let other = 1; other <= right.length; other++) {
      const same = left[at - 1] === right[other - 1] ? 0 : 1;
      next.push(Math.min(row[other - 1]! + same, row[other]! + 1, next[other - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}
