import { type ByteString, bytesOf } from "../../../shared/bytes.js";
import { mostSortedRows, sortRows } from "./row-sorter.js";
import type { Rows } from "./rows.js";

/** Sorting this many keys takes a tenth of a millisecond, so it is done within the mailbox. */
const defaultRunKeys = 2048;
/** Two runs are merged only if the result has at most this many keys: such a merge takes about 5 ms. */
const mostMergedKeys = 64 * 1024;
/** Up to this many new keys are inserted one by one; a larger number is sorted and merged. */
const insertKeys = 32;

/** Rows in the order of their keys. */
export type Run = Uint32Array;

/** For each run, the first position whose key is at or after `target`. */
export function lowerBounds(rows: Rows, runs: readonly Run[], target: ByteString): number[] {
  const bytes = bytesOf(target);
  return runs.map((run) => lowerBound(rows, run, bytes));
}

function lowerBound(rows: Rows, run: Run, target: Buffer): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows.compareTo(run[middle]!, target, 0, target.length) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/**
 * The order of a memtable's keys. New keys are only recorded. They are sorted when they fill a run or when somebody
 * reads in order, and each such reader merges two runs of about the same length. So a load spends little on order,
 * scans soon find few runs, and no step takes long enough to stall the shard. Keys are distinct: the memtable adds each
 * key once, with any row that has it.
 */
export class KeyOrder {
  readonly #rows: Rows;
  readonly #runKeys: number;
  /** Sorted runs by size class: a run in class `n` has about 2 ** n times `#runKeys` keys. Runs never change. */
  readonly #classes: Run[][] = [];
  /** The sorted part of the keys that are newer than the runs. */
  #tail: Run = new Uint32Array(0);
  /** Keys added since then, in order of arrival. */
  #fresh: number[] = [];

  constructor(rows: Rows, runKeys: number = defaultRunKeys) {
    this.#rows = rows;
    this.#runKeys = Math.min(runKeys, mostSortedRows);
  }

  add(row: number): void {
    this.#fresh.push(row);
    if (this.#fresh.length >= this.#runKeys) {
      this.#addRun(this.#sortFresh(), 0);
    }
  }

  /** Sorted arrays that together hold each key once. They stay valid until the next `add`. */
  sortedRuns(): readonly Run[] {
    this.#settleFresh();
    this.#mergeTwoRuns();
    const runs = this.#classes.flat();
    return this.#tail.length === 0 ? runs : [...runs, this.#tail];
  }

  #addRun(run: Run, sizeClass: number): void {
    this.#classes[sizeClass] ??= [];
    this.#classes[sizeClass].push(run);
  }

  #mergeTwoRuns(): void {
    for (let sizeClass = 0; this.#runKeys * 2 ** (sizeClass + 1) <= mostMergedKeys; sizeClass++) {
      const runs = this.#classes[sizeClass];
      if (runs !== undefined && runs.length >= 2) {
        this.#addRun(this.#merge(runs.pop()!, runs.pop()!), sizeClass + 1);
        return;
      }
    }
  }

  #sortFresh(): Run {
    const run = new Uint32Array(this.#fresh);
    this.#fresh = [];
    sortRows(this.#rows, run);
    return run;
  }

  #settleFresh(): void {
    const fresh = this.#fresh;
    if (fresh.length === 0) {
      return;
    }
    if (fresh.length <= insertKeys) {
      for (const row of fresh) {
        this.#insert(row);
      }
      this.#fresh = [];
    } else {
      this.#tail = this.#merge(this.#tail, this.#sortFresh());
    }
    if (this.#tail.length >= this.#runKeys) {
      this.#addRun(this.#tail, 0);
      this.#tail = new Uint32Array(0);
    }
  }

  #insert(row: number): void {
    const tail = this.#tail;
    const [at] = lowerBounds(this.#rows, [tail], this.#rows.keyOf(row)) as [number];
    const longer = new Uint32Array(tail.length + 1);
    longer.set(tail.subarray(0, at));
    longer[at] = row;
    longer.set(tail.subarray(at), at + 1);
    this.#tail = longer;
  }

  #merge(a: Run, b: Run): Run {
    const merged = new Uint32Array(a.length + b.length);
    let i = 0;
    let j = 0;
    let at = 0;
    while (i < a.length && j < b.length) {
      merged[at++] = this.#rows.compare(a[i]!, b[j]!) < 0 ? a[i++]! : b[j++]!;
    }
    merged.set(a.subarray(i), at);
    merged.set(b.subarray(j), at + a.length - i);
    return merged;
  }
}
