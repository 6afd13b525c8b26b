/**
 * The parts of a large hash map. A Map grows by making a table of twice its size in one go, and one that loses as many
 * keys as it gets makes its table anew as often: with 130,000 keys that keeps an event loop from running for 10 to 40 ms.
 * In parts, each of which grows for itself, it is a millisecond or two.
 */

const parts = 16;

export function makeParts<Value>(): readonly Map<string, Value>[] {
  return Array.from({ length: parts }, () => new Map<string, Value>());
}

/** The part that a key belongs to. Keys that differ in none of the three places share one, which then is all the map. */
export function partOf<Value>(all: readonly Map<string, Value>[], key: string): Map<string, Value> {
  const last = key.length - 1;
  if (last < 0) {
    return all[0]!;
  }
  const half = last >>> 1;
  const mixed = key.charCodeAt(last) + 5 * key.charCodeAt(last - (half >>> 1)) + 11 * key.charCodeAt(half);
  return all[mixed & (parts - 1)]!;
}
