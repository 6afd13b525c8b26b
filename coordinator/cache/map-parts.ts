/**
 * The parts of a large hash map. A Map grows by building a table of twice its size at once, and one that loses as many
 * keys as it gains rebuilds its table as often. With 130,000 keys this blocks the event loop for 10 to 40 ms. Parts
 * that grow separately block it for a millisecond or two.
 */

const parts = 16;

export function makeParts<Value>(): readonly Map<string, Value>[] {
  return Array.from({ length: parts }, () => new Map<string, Value>());
}

/**
 * Returns the part to which a key belongs. Keys that do not differ in any of the three sampled places share one part,
 * which then acts as the whole map.
 */
export function partOf<Value>(all: readonly Map<string, Value>[], key: string): Map<string, Value> {
  const last = key.length - 1;
  if (last < 0) {
    return all[0]!;
  }
  const half = last >>> 1;
  const mixed = key.charCodeAt(last) + 5 * key.charCodeAt(last - (half >>> 1)) + 11 * key.charCodeAt(half);
  return all[mixed & (parts - 1)]!;
}
