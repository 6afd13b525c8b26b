/**
 * The heavy work of a shard, as plain descriptions that can be sent to a worker thread, and the one function that
 * does it. A job reads files that do not change and writes files that nobody knows yet; only the engine, when the
 * job is done, makes its tables part of the tree.
 */

import type { ByteString } from "../../../shared/bytes.js";
import { fileKind } from "../../../shared/format/file-header.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { type OutputSettings, TableOutput } from "../compaction/table-output.js";
import { copySurvivors, type FilterContext } from "../compaction/version-filter.js";
import { tableName } from "../file-names.js";
import { type Hold, HoldView } from "../holds.js";
import type { Cursor } from "../iterator/cursor.js";
import { MergingCursor } from "../iterator/merging-cursor.js";
import type { SharedArena } from "../memtable/arena.js";
import { MemtableCursor } from "../memtable/memtable-cursor.js";
import { rebuildMemtable } from "../memtable/rebuild.js";
import type { RangeDelete } from "../range-delete.js";
import { BlockCache } from "../table/block-cache.js";
import type { TableInfo } from "../table/table-format.js";
import { TableReader } from "../table/table-reader.js";
import { fileIdentity } from "../version/manifest.js";

/** What decides which versions survive. */
export interface Survival {
  holds: readonly Hold[];
  rangeDeletes: readonly RangeDelete[];
  timeMs: number;
  retainAll: boolean;
  /** Closed key intervals of tables in deeper levels, ordered by key within each level. */
  deeper: { smallest: ByteString; largest: ByteString }[][];
}

/** A memtable (or a part of a bulk load) to be written as tables. */
export interface FlushJob {
  kind: "flush";
  arena: SharedArena;
  survival: Survival;
  output: OutputSettings;
}

/** Tables to be merged into new ones. */
export interface MergeJob {
  kind: "merge";
  /** `sequenceOverride` 0: as stored. */
  inputs: { fileNumber: number; sequenceOverride: number }[];
  survival: Survival;
  output: OutputSettings;
}

export type Job = FlushJob | MergeJob;

export interface JobResult {
  tables: TableInfo[];
  /** Entries read; those that are not in the tables were dropped. */
  entriesRead: number;
}

const readAheadBytes = 256 * 1024;

class CountingCursor extends MergingCursor {
  entries = 0;
  override next(): void {
    this.entries += 1;
    super.next();
  }
}

function filterContext(survival: Survival): FilterContext {
  const { deeper } = survival;
  const places = deeper.map(() => 0);
  return {
    holds: new HoldView(survival.holds),
    rangeDeletes: survival.rangeDeletes,
    timeMs: survival.timeMs,
    retainAll: survival.retainAll,
    // Keys are asked in order, so each level's place only moves on.
    mayLieDeeper: (key) =>
      deeper.some((tables, level) => {
        while (places[level]! < tables.length && tables[places[level]!]!.largest < key) {
          places[level] = places[level]! + 1;
        }
        const table = tables[places[level]!];
        return table !== undefined && table.smallest <= key;
      }),
  };
}

function openInputs(fileSystem: FileSystem, job: MergeJob, close: (() => void)[]): Cursor[] {
  const { folder, shard } = job.output;
  return job.inputs.map(({ fileNumber, sequenceOverride }) => {
    const reader = TableReader.open(
      fileSystem,
      `${folder}/${tableName(fileNumber)}`,
      fileIdentity(shard, fileKind.table, fileNumber),
      new BlockCache(0),
      { sequenceOverride: sequenceOverride === 0 ? undefined : sequenceOverride },
    );
    close.push(() => reader.close());
    return reader.cursor({ readAheadBytes });
  });
}

/** Does a job. When it throws, it has removed what it had written (but not after a crash: orphans are collected). */
export function runJob(fileSystem: FileSystem, job: Job): JobResult {
  const output = new TableOutput(fileSystem, job.output);
  const close: (() => void)[] = [];
  try {
    const cursors =
      job.kind === "flush"
        ? [new MemtableCursor(rebuildMemtable(job.arena))]
        : openInputs(fileSystem, job, close);
    const merged = new CountingCursor(cursors);
    merged.seekToFirst();
    copySurvivors(merged, filterContext(job.survival), output);
    return { tables: output.finish(), entriesRead: merged.entries };
  } catch (error) {
    output.abandon();
    throw error;
  } finally {
    for (const closeInput of close) {
      closeInput();
    }
  }
}
