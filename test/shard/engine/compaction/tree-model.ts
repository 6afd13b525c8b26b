/**
 * A tree whose tables are plain lists of versions, beside a history of all that was ever written. It does what the
 * picker says, and so shows what a wrong choice would do to readers.
 */

import {
  type Compaction,
  type PickerInput,
  rangeDeleteIsNeeded,
} from "../../../../shard/engine/compaction/picker.js";
import { HoldView } from "../../../../shard/engine/read-path/holds.js";
import { hidingSequence, type RangeDelete } from "../../../../shard/engine/read-path/range-delete.js";
import { type LiveTable, Version } from "../../../../shard/engine/version/version.js";
import type { Random } from "../../../support/random.js";
import { numbersOf, table } from "../version/tree-sketch.js";

interface KeyVersion {
  key: string;
  sequence: number;
}

/** By key, and newest first. */
function inOrder(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : b.sequence - a.sequence));
}

function newestOf(versions: readonly KeyVersion[], key: string, at: number): number {
  const seen = versions.filter((one) => one.key === key && one.sequence <= at);
  return seen.reduce((newest, { sequence }) => Math.max(newest, sequence), 0);
}

export const allKeys = [..."abcdefghijklmnopqrstuvwx"];

export class TreeModel {
  version = new Version();
  sequence = 0;
  holds: number[] = [];
  rangeDeletes: RangeDelete[] = [];
  readonly #random: Random;
  readonly #history: KeyVersion[] = [];
  readonly #everyRangeDelete: RangeDelete[] = [];
  readonly #contents = new Map<number, KeyVersion[]>();
  #memory: KeyVersion[] = [];
  #files = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  put(): void {
    const written = { key: this.#random.pick(allKeys), sequence: ++this.sequence };
    this.#memory.push(written);
    this.#history.push(written);
  }

  flush(): void {
    if (this.#memory.length > 0) {
      this.#add([this.#memory], 0, 0);
      this.#memory = [];
    }
  }

  /** A bulk load: disjoint tables of one sequence number, in level 0 before what is in memory. */
  load(): void {
    const sequence = ++this.sequence;
    const keys = allKeys.filter(() => this.#random.chance(0.3));
    const loaded = keys.map((key) => ({ key, sequence }));
    this.#history.push(...loaded);
    this.#add(this.#split(loaded), 0, 0);
  }

  deleteRange(): void {
    this.flush();
    const [lower, upper] = [this.#random.pick(allKeys), this.#random.pick([...allKeys, null])];
    const range = { lower, upper, sequence: ++this.sequence };
    this.rangeDeletes.push(range);
    this.#everyRangeDelete.push(range);
  }

  input(busyLevels: ReadonlySet<number> = new Set()): PickerInput {
    return {
      version: this.version,
      settings: { levelZeroTrigger: 2, levelOneTargetBytes: 80 },
      busyLevels,
      oldestUnflushedSequence: this.#oldestUnflushed,
      rangeDeletes: this.rangeDeletes,
      holds: this.#holdView,
    };
  }

  get #oldestUnflushed(): number {
    return this.#memory[0]?.sequence ?? Number.POSITIVE_INFINITY;
  }

  get #holdView(): HoldView {
    return new HoldView(this.holds.map((sequence) => ({ sequence, timeMs: 0 })));
  }

  perform(compaction: Compaction): void {
    const { tables } = compaction;
    this.version = this.version.apply({ removedTables: numbersOf(tables) });
    if (compaction.kind === "move") {
      const addedTables = tables.map((moved) => ({ level: compaction.toLevel, table: moved }));
      this.version = this.version.apply({ addedTables });
    } else if (compaction.kind === "merge") {
      const merged = inOrder(tables.flatMap(({ fileNumber }) => this.#contents.get(fileNumber)!));
      const oldestHold = Math.min(Number.POSITIVE_INFINITY, ...this.holds);
      const applied = this.rangeDeletes.map(({ sequence }) => sequence).filter((one) => one <= oldestHold);
      this.#add(this.#split(this.#survivors(merged)), compaction.toLevel, Math.max(0, ...applied));
    }
    this.rangeDeletes = this.neededRangeDeletes;
  }

  get neededRangeDeletes(): RangeDelete[] {
    return this.rangeDeletes.filter((range) =>
      rangeDeleteIsNeeded(range, this.version, this.#oldestUnflushed),
    );
  }

  /** The sequence number of the version that a reader sees in the tree; 0 for none. */
  read(key: string, at: number): number {
    const [levelZero, ...deeper] = this.version.levels.map((tables) =>
      tables.flatMap(({ fileNumber }) => this.#contents.get(fileNumber)!),
    );
    const places = [[...this.#memory, ...levelZero!], ...deeper];
    const found = places.map((versions) => newestOf(versions, key, at)).find((sequence) => sequence > 0) ?? 0;
    return hidingSequence(this.rangeDeletes, key, found, at) === 0 ? found : 0;
  }

  /** What it has to see. */
  readHistory(key: string, at: number): number {
    const newest = newestOf(this.#history, key, at);
    return hidingSequence(this.#everyRangeDelete, key, newest, at) === 0 ? newest : 0;
  }

  #survivors(merged: readonly KeyVersion[]): KeyVersion[] {
    const holds = this.#holdView;
    return merged.filter(({ key, sequence }, at) => {
      const newer = merged[at - 1];
      const isReplaced = newer?.key === key && !holds.needs(sequence, newer.sequence);
      const hiding = hidingSequence(this.rangeDeletes, key, sequence, Number.POSITIVE_INFINITY);
      return !isReplaced && (hiding === 0 || holds.needs(sequence, hiding));
    });
  }

  /** Parts of a few versions; all versions of a key come into one. */
  #split(versions: readonly KeyVersion[]): KeyVersion[][] {
    const parts: KeyVersion[][] = [];
    for (const one of inOrder(versions)) {
      const last = parts.at(-1);
      if (last !== undefined && (last.at(-1)!.key === one.key || this.#random.chance(0.7))) {
        last.push(one);
      } else {
        parts.push([one]);
      }
    }
    return parts;
  }

  #add(parts: readonly KeyVersion[][], level: number, clearedSequence: number): void {
    const addedTables = parts.map((versions) => ({ level, table: this.#tableOf(versions, clearedSequence) }));
    this.version = this.version.apply({ addedTables });
  }

  #tableOf(versions: readonly KeyVersion[], clearedSequence: number): LiveTable {
    const fileNumber = ++this.#files;
    this.#contents.set(fileNumber, [...versions]);
    const keys = versions.map(({ key }) => key).sort();
    const sequences = versions.map(({ sequence }) => sequence);
    return table(fileNumber, `${keys[0]}-${keys.at(-1)}`, {
      sizeBytes: 10 * versions.length,
      minSequence: Math.min(...sequences),
      maxSequence: Math.max(...sequences),
      clearedSequence,
    });
  }
}
