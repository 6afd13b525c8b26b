import type { ByteString } from "../../../shared/bytes.js";

/** Sorting this many keys at once takes some 5 ms: short enough to be done within the mailbox. */
const runKeys = 8192;
/** Up to this many new keys are inserted one by one; more are sorted and merged. */
const insertKeys = 32;

/** The first place in a sorted array whose key is at or after `target`. */
export function lowerBound(keys: readonly ByteString[], target: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function compareKeys(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function mergeSorted(a: readonly ByteString[], b: readonly ByteString[]): ByteString[] {
  const merged: ByteString[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    merged.push(a[i]! < b[j]! ? a[i++]! : b[j++]!);
  }
  while (i < a.length) {
    merged.push(a[i++]!);
  }
  while (j < b.length) {
    merged.push(b[j++]!);
  }
  return merged;
}

/**
 * The order of a memtable's keys. New keys are only noted; they are sorted when a run of them is full or when
 * somebody reads in order. So a load pays little for order, and no single sort is long enough to stall the shard.
 * Keys are distinct: the memtable adds each once.
 */
export class KeyOrder {
  /** Full sorted runs; they never change again. */
  readonly #runs: ByteString[][] = [];
  /** The sorted part of what is younger than the runs. */
  #tail: ByteString[] = [];
  /** What came since, in the order of arrival. */
  #fresh: ByteString[] = [];

  add(key: ByteString): void {
    this.#fresh.push(key);
    if (this.#fresh.length >= runKeys) {
      this.#runs.push(this.#fresh.sort(compareKeys));
      this.#fresh = [];
    }
  }

  /** Sorted arrays that together hold each key once. They stay valid until the next `add`. */
  sortedRuns(): readonly (readonly ByteString[])[] {
    this.#settle();
    return this.#tail.length === 0 ? this.#runs : [...this.#runs, this.#tail];
  }

  #settle(): void {
    const fresh = this.#fresh;
    if (fresh.length === 0) {
      return;
    }
    if (fresh.length <= insertKeys) {
      for (const key of fresh) {
        this.#tail.splice(lowerBound(this.#tail, key), 0, key);
      }
    } else {
      this.#tail = mergeSorted(this.#tail, fresh.sort(compareKeys));
    }
    this.#fresh = [];
    if (this.#tail.length >= runKeys) {
      this.#runs.push(this.#tail);
      this.#tail = [];
    }
  }
}
