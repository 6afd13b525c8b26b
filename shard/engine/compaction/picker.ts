/**
 * Decides what to compact next. Pure: it looks at a version and returns a decision; the engine acts on it.
 *
 * Leveled compaction as in LevelDB and RocksDB. Level 0 is due by the number of tables that a read has to look at,
 * every other level by its bytes against a target that grows tenfold per level. Within a level, the table that overlaps
 * the least of the next level comes first (RocksDB's kMinOverlappingRatio). Tables that overlap nothing are moved.
 */

import type { HoldView } from "../read-path/holds.js";
import { type RangeDelete, rangeCovers, rangeTouches } from "../read-path/range-delete.js";
import {
  bytesOfTables,
  type Levels,
  type LiveTable,
  levelCount,
  overlapping,
  type Version,
} from "../version/version.js";

export interface PickerSettings {
  /** Level 0 is due at this depth. */
  levelZeroTrigger: number;
  levelOneTargetBytes: number;
}

export interface PickerInput {
  version: Version;
  settings: PickerSettings;
  /** Levels that a running job reads or writes; nothing else may touch them. */
  busyLevels: ReadonlySet<number>;
  /**
   * Tables of level 0 with data at or above this number must wait: older data is still in memory and will come above
   * them.
   */
  oldestUnflushedSequence: number;
  rangeDeletes: readonly RangeDelete[];
  holds: HoldView;
}

export type Compaction =
  /** Tables that a range delete hides completely: they are removed without being read. */
  | { kind: "drop"; tables: LiveTable[] }
  | { kind: "move"; tables: LiveTable[]; fromLevel: number; toLevel: number }
  | { kind: "merge"; tables: LiveTable[]; fromLevel: number; toLevel: number };

const levelGrowth = 10;

export function levelTargetBytes(level: number, settings: PickerSettings): number {
  return settings.levelOneTargetBytes * levelGrowth ** (level - 1);
}

/** How overdue a level is: it is due from 1 on. */
export function levelScore(version: Version, level: number, settings: PickerSettings): number {
  if (level === 0) {
    return version.levelZeroDepth / settings.levelZeroTrigger;
  }
  // The last level has no level below it.
  return level === levelCount - 1
    ? 0
    : bytesOfTables(version.levels[level]!) / levelTargetBytes(level, settings);
}

/** Bytes that have to be rewritten until no level is due; `stats` calls this the compaction debt. */
export function compactionDebtBytes(version: Version, settings: PickerSettings): number {
  let debt = version.levelZeroDepth >= settings.levelZeroTrigger ? bytesOfTables(version.levels[0]!) : 0;
  for (let level = 1; level < levelCount - 1; level++) {
    debt += Math.max(0, bytesOfTables(version.levels[level]!) - levelTargetBytes(level, settings));
  }
  return debt;
}

export function chooseCompaction(input: PickerInput): Compaction | undefined {
  const dropped = chooseDrop(input);
  if (dropped !== undefined) {
    return dropped;
  }
  const scores = Array.from({ length: levelCount }, (_, level) => ({
    level,
    score: levelScore(input.version, level, input.settings),
  }));
  scores.sort((a, b) => b.score - a.score);
  for (const { level, score } of scores) {
    if (score < 1) {
      break;
    }
    const chosen = level === 0 ? chooseLevelZero(input) : chooseFromLevel(input, level);
    if (chosen !== undefined) {
      return chosen;
    }
  }
  return chooseHidden(input);
}

/**
 * Chooses every table, whether due or not; for `compact()`. Nothing if that would gain nothing. Tables with numbers below
 * `firstOwnFileNumber` were written before this start, perhaps with another compression or block size.
 */
export function chooseFullCompaction(input: PickerInput, firstOwnFileNumber: number): Compaction | undefined {
  const { levels } = input.version;
  const first = levels.findIndex((tables) => tables.length > 0);
  const last = levels.findLastIndex((tables) => tables.length > 0);
  if (first === -1 || input.busyLevels.size > 0) {
    return undefined;
  }
  const eligible = levels[0]!.every((table) => table.maxSequence < input.oldestUnflushedSequence);
  const tables = levels.flat();
  let toLevel = Math.max(1, last);
  while (toLevel < levelCount - 1 && bytesOfTables(tables) > levelTargetBytes(toLevel, input.settings)) {
    // A level that is too small for all of it would be compacted again at once.
    toLevel += 1;
  }
  const isDone =
    first === last &&
    last > 0 &&
    last === toLevel &&
    tables.every((table) => table.fileNumber >= firstOwnFileNumber && !mayShrink(table, input));
  if (!eligible || isDone) {
    return undefined;
  }
  return { kind: "merge", tables, fromLevel: first, toLevel };
}

/** Whether a table may hold something that no reader needs, other than readers of snapshots that are open now. */
function mayShrink(table: LiveTable, { rangeDeletes, holds }: PickerInput): boolean {
  return (
    table.entries > table.keys ||
    table.deletes > 0 ||
    table.maxExpiresAt > 0 ||
    rangeDeletes.some((range) => isWorthRewriting(table, range, holds))
  );
}

function levelsAreFree(input: PickerInput, from: number, to: number): boolean {
  for (let level = from; level <= to; level++) {
    if (input.busyLevels.has(level)) {
      return false;
    }
  }
  return true;
}

function eligibleLevelZero(input: PickerInput): LiveTable[] {
  return input.version.levels[0]!.filter((table) => table.maxSequence < input.oldestUnflushedSequence);
}

function chooseLevelZero(input: PickerInput): Compaction | undefined {
  const tables = eligibleLevelZero(input);
  if (tables.length === 0 || !levelsAreFree(input, 0, 1)) {
    return undefined;
  }
  const movable = withoutOverlapAmongThemselves(tables).filter(
    (table) => !overlapsLevel(input.version.levels, 1, table),
  );
  if (movable.length > 0) {
    return moveTogether(input, movable, 0);
  }
  return mergeLevelZero(input);
}

function chooseFromLevel(input: PickerInput, level: number): Compaction | undefined {
  if (!levelsAreFree(input, level, level + 1)) {
    return undefined;
  }
  const { levels } = input.version;
  let best: { table: LiveTable; below: LiveTable[]; ratio: number } | undefined;
  for (const table of levels[level]!) {
    const below = overlapping(levels[level + 1]!, table.smallest, table.largest);
    const ratio = bytesOfTables(below) / table.sizeBytes;
    if (best === undefined || ratio < best.ratio) {
      best = { table, below, ratio };
    }
  }
  if (best === undefined) {
    return undefined;
  }
  return best.below.length === 0
    ? moveTogether(input, [best.table], level)
    : { kind: "merge", tables: [best.table, ...best.below], fromLevel: level, toLevel: level + 1 };
}

/**
 * Moves tables to the deepest level that they can reach without overlapping a table in between, but no deeper than
 * their bytes call for: data that lies too deep is compacted too late.
 */
function moveTogether(input: PickerInput, tables: LiveTable[], fromLevel: number): Compaction {
  const { levels } = input.version;
  let toLevel = fromLevel + 1;
  const bytes = bytesOfTables(tables);
  while (
    toLevel + 1 < levelCount &&
    !input.busyLevels.has(toLevel + 1) &&
    bytesOfTables(levels[toLevel]!) + bytes > levelTargetBytes(toLevel, input.settings) &&
    !tables.some((table) => overlapsLevel(levels, toLevel + 1, table))
  ) {
    toLevel += 1;
  }
  return { kind: "move", tables, fromLevel, toLevel };
}

function overlapsLevel(levels: Levels, level: number, table: LiveTable): boolean {
  return overlapping(levels[level]!, table.smallest, table.largest).length > 0;
}

/** The tables that share no key range with any other table of the list. */
function withoutOverlapAmongThemselves(tables: readonly LiveTable[]): LiveTable[] {
  const sorted = [...tables].sort((a, b) => (a.smallest < b.smallest ? -1 : 1));
  const alone: LiveTable[] = [];
  let reach: string | undefined;
  sorted.forEach((table, at) => {
    const next = sorted[at + 1];
    const touchesBefore = reach !== undefined && reach >= table.smallest;
    const touchesNext = next !== undefined && next.smallest <= table.largest;
    if (!touchesBefore && !touchesNext) {
      alone.push(table);
    }
    if (reach === undefined || table.largest > reach) {
      reach = table.largest;
    }
  });
  return alone;
}

function hull(tables: readonly LiveTable[]): { smallest: string; largest: string } {
  let { smallest, largest } = tables[0]!;
  for (const table of tables) {
    if (table.smallest < smallest) {
      ({ smallest } = table);
    }
    if (table.largest > largest) {
      ({ largest } = table);
    }
  }
  return { smallest, largest };
}

/** Whether a range delete hides every version that it covers in this table from every reader. */
function isHidden(table: LiveTable, range: RangeDelete, holds: HoldView): boolean {
  return table.maxSequence < range.sequence && !holds.needs(table.minSequence, range.sequence);
}

function chooseDrop(input: PickerInput): Compaction | undefined {
  if (input.rangeDeletes.length === 0) {
    return undefined;
  }
  const tables: LiveTable[] = [];
  input.version.levels.forEach((level, index) => {
    if (!input.busyLevels.has(index)) {
      tables.push(
        ...(index === 0 ? eligibleLevelZero(input) : level).filter((table) =>
          input.rangeDeletes.some(
            (range) =>
              rangeCovers(range, table.smallest, table.largest) && isHidden(table, range, input.holds),
          ),
        ),
      );
    }
  });
  return tables.length === 0 ? undefined : { kind: "drop", tables };
}

/**
 * Rewrites tables that a range delete hides in part, so that the range delete itself can be removed: reads would be
 * slow in a shard with many of them.
 */
function chooseHidden(input: PickerInput): Compaction | undefined {
  for (const range of input.rangeDeletes) {
    for (let level = 0; level < levelCount; level++) {
      const table = input.version.levels[level]!.find((candidate) =>
        isWorthRewriting(candidate, range, input.holds),
      );
      if (table === undefined) {
        continue;
      }
      if (level === 0) {
        const eligible = table.maxSequence < input.oldestUnflushedSequence;
        const chosen = eligible ? mergeLevelZero(input) : undefined;
        if (chosen !== undefined) {
          return chosen;
        }
      } else if (!input.busyLevels.has(level)) {
        return { kind: "merge", tables: [table], fromLevel: level, toLevel: level };
      }
    }
  }
  return undefined;
}

/** Whether a table may hold something that a range delete hides. */
function mayHoldHidden(table: LiveTable, range: RangeDelete): boolean {
  return (
    table.minSequence < range.sequence &&
    table.clearedSequence < range.sequence &&
    rangeTouches(range, table.smallest, table.largest)
  );
}

function isWorthRewriting(table: LiveTable, range: RangeDelete, holds: HoldView): boolean {
  // While a snapshot is older than the range delete, the rewritten table would not count as cleared of what it hides.
  return mayHoldHidden(table, range) && !holds.needs(0, range.sequence);
}

function mergeLevelZero(input: PickerInput): Compaction | undefined {
  const tables = eligibleLevelZero(input);
  if (tables.length === 0 || !levelsAreFree(input, 0, 1)) {
    return undefined;
  }
  const { smallest, largest } = hull(tables);
  const below = overlapping(input.version.levels[1]!, smallest, largest);
  return { kind: "merge", tables: [...tables, ...below], fromLevel: 0, toLevel: 1 };
}

/** Whether a range delete still hides something, that is, an older version in a table or in memory. */
export function rangeDeleteIsNeeded(
  range: RangeDelete,
  version: Version,
  oldestUnflushedSequence: number,
): boolean {
  if (oldestUnflushedSequence < range.sequence) {
    return true;
  }
  for (const table of version.tables()) {
    if (mayHoldHidden(table, range)) {
      return true;
    }
  }
  return false;
}
