/**
 * The tables of a shard and their history: the version in force, and the manifest behind it. Every change goes through
 * `change`, one after the other: first on disk, then in force.
 */

import type { OutputSettings } from "./compaction/table-output.js";
import type { EngineEnvironment } from "./environment.js";
import { tableName } from "./file-names.js";
import type { Holds } from "./holds.js";
import type { Job, JobResult, Survival } from "./jobs/job.js";
import { ObsoleteFiles } from "./obsolete-files.js";
import type { EngineOptions } from "./options.js";
import type { RangeDelete } from "./range-delete.js";
import type { TableCache } from "./table/table-cache.js";
import type { TableInfo } from "./table/table-format.js";
import type { Manifest, ManifestState } from "./version/manifest.js";
import type { LiveTable, Version } from "./version/version.js";
import type { VersionEdit } from "./version/version-edit.js";

/** What the tree needs to know of the rest of the engine. */
export interface TreeOwner {
  /** The coordinator's clock, as last told. */
  timeMs(): number;
  /** Something that cannot be mended here: the shard must restart. */
  onFatal(error: unknown): void;
  onBackgroundError(error: unknown): void;
}

export class Tree {
  readonly tables: TableCache;
  readonly obsoleteFiles: ObsoleteFiles;
  version: Version;
  /** All that readers must respect: those in the manifest, and those of operations that are only in the WAL. */
  rangeDeletes: RangeDelete[];
  /** Sequence numbers of those in the manifest. Only they may make data go for good. */
  readonly #writtenRangeDeletes: Set<number>;

  readonly #environment: EngineEnvironment;
  readonly #options: EngineOptions;
  readonly #owner: TreeOwner;
  readonly #manifest: Manifest;
  readonly #holds: Holds;
  #nextFileNumber: number;
  #changes: Promise<void> = Promise.resolve();

  constructor(
    environment: EngineEnvironment,
    options: EngineOptions,
    owner: TreeOwner,
    holds: Holds,
    recovered: { state: ManifestState; manifest: Manifest; tables: TableCache },
  ) {
    this.#environment = environment;
    this.#options = options;
    this.#owner = owner;
    this.#holds = holds;
    this.#manifest = recovered.manifest;
    this.tables = recovered.tables;
    this.obsoleteFiles = new ObsoleteFiles(environment.fileSystem, environment.folder, (error) =>
      owner.onBackgroundError(error),
    );
    this.version = recovered.state.version;
    this.rangeDeletes = [...recovered.state.rangeDeletes];
    this.#writtenRangeDeletes = new Set(this.rangeDeletes.map((range) => range.sequence));
    this.#nextFileNumber = recovered.state.nextFileNumber;
  }

  takeFileNumbers(count: number): number[] {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return Array.from({ length: count }, (_, at) => first + at);
  }

  /** Puts an edit on disk, then (unless it already is) in force. Rejects where the disk refuses. */
  change(edit: VersionEdit, isInForce = false): Promise<void> {
    const done = this.#changes.then(async () => {
      const stamped = { ...edit, nextFileNumber: this.#nextFileNumber, timeMs: this.#owner.timeMs() };
      try {
        await this.#manifest.append(stamped);
      } catch (error) {
        if (this.#manifest.poisoned) {
          this.#owner.onFatal(error);
        }
        throw error;
      }
      if (!isInForce) {
        this.version = this.version.apply(edit);
      }
    });
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** The same, of what a job has written: where it fails, the job's tables go. */
  async changeFor(result: JobResult, edit: VersionEdit): Promise<void> {
    try {
      await this.change(edit);
    } catch (error) {
      // After a failed sync the edit may be on disk all the same: then the tables are needed.
      if (!this.#manifest.poisoned) {
        this.removeFiles(result.tables);
      }
      throw error;
    }
  }

  /** Puts tables in force before they are on the manifest: a bulk load becomes visible at its place in the mailbox. */
  install(tables: readonly LiveTable[]): void {
    this.version = this.version.apply({ addedTables: tables.map((table) => ({ level: 0, table })) });
  }

  outputSettings(fileNumbers: number[], targetTableBytes: number, zeroSequence: boolean): OutputSettings {
    const { folder, shard } = this.#environment;
    const { compression, blockBytes, bloomBitsPerKey } = this.#options;
    return {
      folder,
      shard,
      fileNumbers,
      targetTableBytes,
      writer: { codec: compression, blockBytes, bitsPerKey: bloomBitsPerKey },
      zeroSequence,
    };
  }

  /** These range deletes are in the manifest now. */
  noteWritten(rangeDeletes: readonly RangeDelete[]): void {
    for (const { sequence } of rangeDeletes) {
      this.#writtenRangeDeletes.add(sequence);
    }
  }

  /** Range deletes that a crash cannot take back, and those that the same edit will write: up to `alsoUpTo`. */
  lastingRangeDeletes(alsoUpTo = 0): RangeDelete[] {
    return this.rangeDeletes.filter(
      ({ sequence }) => sequence <= alsoUpTo || this.#writtenRangeDeletes.has(sequence),
    );
  }

  /** What a job may drop whose output goes to a level; a flush also respects its own range deletes. */
  survival(outputLevel: number, alsoUpTo = 0): Survival {
    const { levels } = this.version;
    // What is flushed comes above all of level 0, whose tables overlap: each counts as a level of its own.
    const older = outputLevel === 0 ? levels[0]!.map((table) => [table]) : [];
    const deeper = [...older, ...levels.slice(outputLevel + 1)]
      .filter((tables) => tables.length > 0)
      .map((tables) => tables.map(({ smallest, largest }) => ({ smallest, largest })));
    return {
      holds: this.#holds.view().holds,
      rangeDeletes: this.lastingRangeDeletes(alsoUpTo),
      timeMs: this.#owner.timeMs(),
      retainAll: this.#holds.retainAll,
      deeper,
    };
  }

  run(job: Job): Promise<JobResult> {
    return this.#environment.jobs.run(job);
  }

  /** Removes the files of tables that nothing needs any more. */
  removeFiles(tables: readonly TableInfo[]): void {
    for (const { fileNumber } of tables) {
      this.tables.evict(fileNumber);
      this.obsoleteFiles.remove(tableName(fileNumber));
    }
  }

  /** Takes range deletes out of the manifest, then out of force. */
  async forgetRangeDeletes(removedRangeDeletes: number[]): Promise<void> {
    await this.change({ removedRangeDeletes });
    const gone = new Set(removedRangeDeletes);
    this.rangeDeletes = this.rangeDeletes.filter((range) => !gone.has(range.sequence));
    for (const sequence of gone) {
      this.#writtenRangeDeletes.delete(sequence);
    }
  }

  async close(): Promise<void> {
    await this.#changes;
    await this.obsoleteFiles.settle();
    await this.#manifest.close();
    this.tables.close();
  }
}

/** A table that a job has written, as a part of the tree. */
export function asLive(table: TableInfo, survival: Survival): LiveTable {
  return { ...table, sequenceOverride: 0, clearedSequence: clearedSequence(survival) };
}

/** A bulk-loaded table, all of whose entries have the sequence number of the load's commit. */
export function asLoaded(table: TableInfo, sequence: number): LiveTable {
  return {
    ...table,
    sequenceOverride: sequence,
    minSequence: sequence,
    maxSequence: sequence,
    clearedSequence: 0,
  };
}

/** The last range delete that a job applied in full: no older snapshot made it keep what the delete hides. */
function clearedSequence({ rangeDeletes, holds, retainAll }: Survival): number {
  if (retainAll) {
    return 0;
  }
  const oldestHold = holds.reduce(
    (oldest, hold) => Math.min(oldest, hold.sequence),
    Number.POSITIVE_INFINITY,
  );
  return rangeDeletes.reduce(
    (last, range) => (range.sequence <= oldestHold ? Math.max(last, range.sequence) : last),
    0,
  );
}
