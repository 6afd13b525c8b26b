import type { ByteString } from "../../../shared/bytes.js";

/** Sorting this many keys at once takes about half a millisecond: it is done within the mailbox. */
const defaultRunKeys = 2048;
/** No two runs are merged into one of more keys: that takes some 5 ms. */
const mostMergedKeys = 64 * 1024;
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

/** A byte string has one UTF-16 unit for each byte, so the order that `sort` has by itself is that of the bytes. */
function sortKeys(keys: ByteString[]): ByteString[] {
  return keys.sort();
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
 * somebody reads in order, and each such reader merges two runs of about the same length. So a load pays little for
 * order, scans soon find few runs, and nothing takes long enough to stall the shard. Keys are distinct: the memtable
 * adds each once.
 */
export class KeyOrder {
  readonly #runKeys: number;
  /** Sorted runs by size class: those at `n` have about 2 ** n times the keys of a run. They never change again. */
  readonly #classes: ByteString[][][] = [];
  /** The sorted part of what is younger than the runs. */
  #tail: ByteString[] = [];
  /** What came since, in the order of arrival. */
  #fresh: ByteString[] = [];

  constructor(runKeys: number = defaultRunKeys) {
    this.#runKeys = runKeys;
  }

  add(key: ByteString): void {
    this.#fresh.push(key);
    if (this.#fresh.length >= this.#runKeys) {
      this.#addRun(sortKeys(this.#fresh), 0);
      this.#fresh = [];
    }
  }

  /** Sorted arrays that together hold each key once. They stay valid until the next `add`. */
  sortedRuns(): readonly (readonly ByteString[])[] {
    this.#settleFresh();
    this.#mergeTwoRuns();
    const runs = this.#classes.flat();
    return this.#tail.length === 0 ? runs : [...runs, this.#tail];
  }

  #addRun(run: ByteString[], sizeClass: number): void {
    this.#classes[sizeClass] ??= [];
    this.#classes[sizeClass].push(run);
  }

  #mergeTwoRuns(): void {
    for (let sizeClass = 0; this.#runKeys * 2 ** (sizeClass + 1) <= mostMergedKeys; sizeClass++) {
      const runs = this.#classes[sizeClass];
      if (runs !== undefined && runs.length >= 2) {
        this.#addRun(mergeSorted(runs.pop()!, runs.pop()!), sizeClass + 1);
        return;
      }
    }
  }

  #settleFresh(): void {
    const fresh = this.#fresh;
    if (fresh.length === 0) {
      return;
    }
    if (fresh.length <= insertKeys) {
      for (const key of fresh) {
        this.#tail.splice(lowerBound(this.#tail, key), 0, key);
      }
    } else {
      this.#tail = mergeSorted(this.#tail, sortKeys(fresh));
    }
    this.#fresh = [];
    if (this.#tail.length >= this.#runKeys) {
      this.#addRun(this.#tail, 0);
      this.#tail = [];
    }
  }
}
