/** What the picker is asked with, and what it answers, in a few words. */

import { expect } from "chai";
import {
  type Compaction,
  chooseCompaction,
  chooseFullCompaction,
  type PickerInput,
  type PickerSettings,
} from "../../../../shard/engine/compaction/picker.js";
import { HoldView } from "../../../../shard/engine/read-path/holds.js";
import type { RangeDelete } from "../../../../shard/engine/read-path/range-delete.js";
import { numbersOf, type TreeSketch, treeOf } from "../version/tree-sketch.js";

/** Level 1 may have 1000 bytes, level 2 10,000, and so on. */
export const settings: PickerSettings = { levelZeroTrigger: 2, levelOneTargetBytes: 1000 };

export interface Picture {
  tree: TreeSketch;
  busy?: number[];
  /** Infinity where nothing is in memory. */
  oldestUnflushed?: number;
  rangeDeletes?: RangeDelete[];
  /** Sequence numbers that are held. */
  holds?: number[];
}

function inputOf(picture: Picture): PickerInput {
  return {
    version: treeOf(picture.tree),
    settings,
    busyLevels: new Set(picture.busy ?? []),
    oldestUnflushedSequence: picture.oldestUnflushed ?? Number.POSITIVE_INFINITY,
    rangeDeletes: picture.rangeDeletes ?? [],
    holds: new HoldView((picture.holds ?? []).map((sequence) => ({ sequence, timeMs: 0 }))),
  };
}

/** Such as "merge 1 2 7 from 0 to 1", with the numbers of the files; "nothing" where nothing is chosen. */
function inWords(compaction: Compaction | undefined): string {
  if (compaction === undefined) {
    return "nothing";
  }
  const { kind, tables } = compaction;
  const numbers = numbersOf(tables)
    .sort((a, b) => a - b)
    .join(" ");
  return kind === "drop"
    ? `drop ${numbers}`
    : `${kind} ${numbers} from ${compaction.fromLevel} to ${compaction.toLevel}`;
}

export function chosen(picture: Picture): string {
  return inWords(chooseCompaction(inputOf(picture)));
}

export function chosenInFull(picture: Picture, firstOwnFileNumber = 0): string {
  return inWords(chooseFullCompaction(inputOf(picture), firstOwnFileNumber));
}

export interface Choice extends Picture {
  it: string;
  expected: string;
}

/** A test for each of these. */
export function itChooses(choices: readonly Choice[]): void {
  for (const { it: title, expected, ...picture } of choices) {
    it(title, () => {
      expect(chosen(picture)).to.equal(expected);
    });
  }
}

export function rangeDelete(sequence: number, lower: string, upper: string | null): RangeDelete {
  return { sequence, lower, upper };
}
