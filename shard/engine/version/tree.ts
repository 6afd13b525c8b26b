/**
 * The tables of a shard and their history: the version in force, and its manifest. Every change goes through `change`,
 * one at a time: first on disk, then in force.
 */

import type { OutputSettings } from "../compaction/table-output.js";
import type { EngineEnvironment } from "../environment.js";
import { tableName } from "../files/file-names.js";
import { ObsoleteFiles } from "../files/obsolete-files.js";
import type { Job, JobResult, Survival } from "../jobs/job.js";
import type { EngineOptions } from "../options.js";
import type { Holds } from "../read-path/holds.js";
import type { RangeDelete } from "../read-path/range-delete.js";
import type { TableCache } from "../table/table-cache.js";
import type { TableInfo } from "../table/table-format.js";
import type { Manifest, ManifestState } from "./manifest.js";
import type { LiveTable, Version } from "./version.js";
import type { VersionEdit } from "./version-edit.js";

/** What the tree needs to know of the rest of the engine. */
export interface TreeOwner {
  /** The coordinator's clock, as last reported. */
  timeMs(): number;
  /** A failure that cannot be fixed here: the shard must restart. */
  onFatal(error: unknown): void;
  onBackgroundError(error: unknown): void;
}

export class Tree {
  readonly tables: TableCache;
  readonly obsoleteFiles: ObsoleteFiles;
  version: Version;
  /**
   * All range deletes that readers must respect: those in the manifest, and those of operations that are only in the
   * WAL.
   */
  rangeDeletes: RangeDelete[];
  /** Sequence numbers of the range deletes in the manifest. Only these may make data disappear permanently. */
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

  /** All files that are made from now on have this number or a higher one. */
  get nextFileNumber(): number {
    return this.#nextFileNumber;
  }

  takeFileNumbers(count: number): number[] {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return Array.from({ length: count }, (_, at) => first + at);
  }

  /** Puts an edit on disk, and then in force unless it already is. Rejects if the disk refuses it. */
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

  /** Like `change`, for the output of a job: if it fails, the job's tables are removed. */
  async changeFor(result: JobResult, edit: VersionEdit): Promise<void> {
    try {
      await this.change(edit);
    } catch (error) {
      // After a failed sync the edit may still be on disk, and then the tables are needed.
      if (!this.#manifest.poisoned) {
        this.removeFiles(result.tables);
      }
      throw error;
    }
  }

  /** Puts tables in force before they are in the manifest: a bulk load becomes visible at its place in the mailbox. */
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

  /** Records that these range deletes are now in the manifest. */
  noteWritten(rangeDeletes: readonly RangeDelete[]): void {
    for (const { sequence } of rangeDeletes) {
      this.#writtenRangeDeletes.add(sequence);
    }
  }

  /** The range deletes that a crash cannot undo, and those up to `alsoUpTo`, which the same edit will write. */
  lastingRangeDeletes(alsoUpTo = 0): RangeDelete[] {
    return this.rangeDeletes.filter(
      ({ sequence }) => sequence <= alsoUpTo || this.#writtenRangeDeletes.has(sequence),
    );
  }

  /** What a job whose output goes to this level may drop. A flush also respects its own range deletes. */
  survival(outputLevel: number, alsoUpTo = 0): Survival {
    const { levels } = this.version;
    // A flushed table comes above all of level 0, whose tables overlap: each counts as a level of its own.
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

  /** Removes range deletes from the manifest, then puts them out of force. */
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

/** Makes a table that a job has written a part of the tree. */
export function asLive(table: TableInfo, survival: Survival): LiveTable {
  return { ...table, sequenceOverride: 0, clearedSequence: clearedSequence(survival) };
}

/** Makes a bulk-loaded table a part of the tree. All its entries have the sequence number of the load's commit. */
export function asLoaded(table: TableInfo, sequence: number): LiveTable {
  return {
    ...table,
    sequenceOverride: sequence,
    minSequence: sequence,
    maxSequence: sequence,
    clearedSequence: 0,
  };
}

/** The last range delete that a job applied completely: no older snapshot made it keep what the delete hides. */
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
