/**
 * The heavy work of a shard, as plain descriptions that can be sent to a worker thread, and the function that does it.
 * A job reads files that do not change and writes files that nobody knows yet. Only when the job is done does the
 * engine make its tables part of the tree.
 */

import type { ByteString } from "../../../shared/bytes.js";
import { fileKind } from "../../../shared/format/file-header.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { type OutputSettings, TableOutput } from "../compaction/table-output.js";
import { copySurvivors, type FilterContext } from "../compaction/version-filter.js";
import { tableName } from "../files/file-names.js";
import { fileIdentity } from "../files/shard-identity.js";
import type { Cursor } from "../iterator/cursor.js";
import { disjointRuns } from "../iterator/disjoint-runs.js";
import { LevelCursor } from "../iterator/level-cursor.js";
import { MergingCursor } from "../iterator/merging-cursor.js";
import type { SharedArena } from "../memtable/arena.js";
import { MemtableCursor } from "../memtable/memtable-cursor.js";
import { rebuildMemtable } from "../memtable/rebuild.js";
import { type Hold, HoldView } from "../read-path/holds.js";
import type { RangeDelete } from "../read-path/range-delete.js";
import { BlockCache } from "../table/block-cache.js";
import type { TableInfo } from "../table/table-format.js";
import { TableReader } from "../table/table-reader.js";
import type { KeySpan } from "../version/version.js";

/** Decides which versions survive. */
export interface Survival {
  holds: readonly Hold[];
  rangeDeletes: readonly RangeDelete[];
  timeMs: number;
  retainAll: boolean;
  /** Closed key intervals of tables in deeper levels, ordered by key within each level. */
  deeper: { smallest: ByteString; largest: ByteString }[][];
}

/** Writes a memtable (or a part of a bulk load) as tables. */
export interface FlushJob {
  kind: "flush";
  arena: SharedArena;
  survival: Survival;
  output: OutputSettings;
}

/** `sequenceOverride` 0 means: use the stored sequence numbers. */
export type MergeInput = KeySpan & { fileNumber: number; sequenceOverride: number };

/** Merges tables into new ones. */
export interface MergeJob {
  kind: "merge";
  inputs: MergeInput[];
  survival: Survival;
  output: OutputSettings;
}

export type Job = FlushJob | MergeJob;

export interface JobResult {
  tables: TableInfo[];
  /** Entries read. Those that are not in the tables were dropped. */
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
    // Keys come in ascending order, so the position in each level only moves forward.
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

/** The tables of a merge. Few of them are open at a time, however many there are. */
class MergeInputs {
  readonly #fileSystem: FileSystem;
  readonly #output: OutputSettings;
  readonly #open = new Set<TableReader>();

  constructor(fileSystem: FileSystem, output: OutputSettings) {
    this.#fileSystem = fileSystem;
    this.#output = output;
  }

  /** Cursors that may only move forwards. Tables that do not overlap share one, which reads them in sequence. */
  cursors(inputs: readonly MergeInput[]): Cursor[] {
    return disjointRuns(inputs).map((run) => {
      let reader: TableReader | undefined;
      return new LevelCursor(run, (input) => {
        if (reader !== undefined) {
          this.#close(reader);
        }
        reader = this.#openTable(input);
        return reader.cursor({ readAheadBytes });
      });
    });
  }

  close(): void {
    for (const reader of this.#open) {
      this.#close(reader);
    }
  }

  #openTable({ fileNumber, sequenceOverride }: MergeInput): TableReader {
    const { folder, shard } = this.#output;
    const reader = TableReader.open(
      this.#fileSystem,
      `${folder}/${tableName(fileNumber)}`,
      fileIdentity(shard, fileKind.table, fileNumber),
      new BlockCache(0),
      { sequenceOverride: sequenceOverride === 0 ? undefined : sequenceOverride },
    );
    this.#open.add(reader);
    return reader;
  }

  #close(reader: TableReader): void {
    this.#open.delete(reader);
    reader.close();
  }
}

/**
 * Does a job. If it throws, it has removed everything it wrote. After a crash nothing is removed: orphans are
 * collected.
 */
export function runJob(fileSystem: FileSystem, job: Job): JobResult {
  const output = new TableOutput(fileSystem, job.output);
  const inputs = new MergeInputs(fileSystem, job.output);
  try {
    const cursors =
      job.kind === "flush" ? [new MemtableCursor(rebuildMemtable(job.arena))] : inputs.cursors(job.inputs);
    const merged = new CountingCursor(cursors);
    merged.seekToFirst();
    copySurvivors(merged, filterContext(job.survival), output);
    return { tables: output.finish(), entriesRead: merged.entries };
  } catch (error) {
    output.abandon();
    throw error;
  } finally {
    inputs.close();
  }
}
