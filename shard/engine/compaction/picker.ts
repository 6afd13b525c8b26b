/**
 * Decides what to compact next. Pure: it looks at a version and answers; the engine acts.
 *
 * Leveled compaction as in LevelDB and RocksDB: level 0 is due by the number of tables a read has to look at, every
 * other level by its bytes against a target that grows tenfold a level. The table of a level that overlaps the
 * least of the next is taken first (RocksDB's kMinOverlappingRatio), and what overlaps nothing is moved.
 */

import type { HoldView } from "../holds.js";
import { type RangeDelete, rangeCovers, rangeTouches } from "../range-delete.js";
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
  /** Tables of level 0 with newer data than this must wait: older data is still in memory and will come above them. */
  oldestUnflushedSequence: number;
  rangeDeletes: readonly RangeDelete[];
  holds: HoldView;
}

export type Compaction =
  /** Whole tables are hidden by a range delete: they go without being read. */
  | { kind: "drop"; tables: LiveTable[] }
  | { kind: "move"; tables: LiveTable[]; fromLevel: number; toLevel: number }
  | { kind: "merge"; tables: LiveTable[]; fromLevel: number; toLevel: number };

const levelGrowth = 10;

export function levelTargetBytes(level: number, settings: PickerSettings): number {
  return settings.levelOneTargetBytes * levelGrowth ** (level - 1);
}

/** How overdue a level is: 1 and more is due. */
export function levelScore(version: Version, level: number, settings: PickerSettings): number {
  if (level === 0) {
    return version.levelZeroDepth / settings.levelZeroTrigger;
  }
  // The last level has nowhere to go.
  return level === levelCount - 1
    ? 0
    : bytesOfTables(version.levels[level]!) / levelTargetBytes(level, settings);
}

/** Bytes that have to be rewritten until no level is due: what `stats` calls the compaction debt. */
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

/** Everything that may ever be compacted, whether due or not; for `compact()`. */
export function chooseFullCompaction(input: PickerInput): Compaction | undefined {
  const { levels } = input.version;
  const first = levels.findIndex((tables) => tables.length > 0);
  const last = levels.findLastIndex((tables) => tables.length > 0);
  if (first === -1 || input.busyLevels.size > 0) {
    return undefined;
  }
  const eligible = levels[0]!.every((table) => table.maxSequence < input.oldestUnflushedSequence);
  const tables = levels.flat();
  const isDone =
    first === last && last > 0 && !tables.some((table) => table.deletes > 0 || table.maxExpiresAt > 0);
  if (!eligible || isDone) {
    return undefined;
  }
  return { kind: "merge", tables, fromLevel: first, toLevel: Math.max(1, last) };
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
  const { smallest, largest } = hull(tables);
  const below = overlapping(input.version.levels[1]!, smallest, largest);
  return { kind: "merge", tables: [...tables, ...below], fromLevel: 0, toLevel: 1 };
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
 * Moves tables to the deepest level that they fit into without overlapping a table on the way, but no deeper than
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

/** Those tables that share no key range with any other of them. */
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

/** Whether a range delete hides every version that it covers in this table from every reader there is. */
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
 * Rewrites tables that a range delete hides in part, so that the delete itself can go: a shard with many of them
 * would read slowly.
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
  // While any snapshot is older than the delete, the rewritten table would still not be clear of it.
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

/** Whether a range delete still hides something: a version older than itself in a table or in memory. */
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
