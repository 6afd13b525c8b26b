/**
 * The tables of a shard and their history: the version in force, the manifest behind it, and the compactions that
 * keep it in shape. Every change goes through `change`, one after the other: first on disk, then in force.
 */

import { FastKVError, invariant } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import {
  type Compaction,
  chooseCompaction,
  chooseFullCompaction,
  compactionDebtBytes,
  type PickerInput,
  type PickerSettings,
  rangeDeleteIsNeeded,
} from "./compaction/picker.js";
import type { OutputSettings } from "./compaction/table-output.js";
import { tableName } from "./file-names.js";
import type { Holds } from "./holds.js";
import type { Job, JobResult, Survival } from "./jobs/job.js";
import type { JobRunner } from "./jobs/job-runner.js";
import { ObsoleteFiles } from "./obsolete-files.js";
import { backgroundRetryMs, type EngineOptions } from "./options.js";
import type { RangeDelete } from "./range-delete.js";
import type { TableCache } from "./table/table-cache.js";
import type { TableInfo } from "./table/table-format.js";
import type { Manifest, ManifestState, ShardIdentity } from "./version/manifest.js";
import { bytesOfTables, type LiveTable, levelCount, type Version } from "./version/version.js";
import type { VersionEdit } from "./version/version-edit.js";

/** What the tree needs to know of the rest of the engine. */
export interface TreeOwner {
  /** The coordinator's clock, as last told. */
  timeMs(): number;
  /** The lowest sequence number that is not in tables of the manifest, or infinity. */
  oldestUnflushedSequence(): number;
  /** The tree has changed: a stall may be over. */
  onProgress(): void;
  /** Something that cannot be mended here: the shard must restart. */
  onFatal(error: unknown): void;
  onBackgroundError(error: unknown): void;
}

export interface TreeEnvironment {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  jobs: JobRunner;
  setTimer: (call: () => void, delayMs: number) => () => void;
}

export class CompactionStatistics {
  compactions = 0;
  moves = 0;
  drops = 0;
  bytesRead = 0;
  bytesWritten = 0;
  entriesRead = 0;
  entriesDropped = 0;
  flushes = 0;
  flushedBytes = 0;
}

export class Tree {
  readonly statistics = new CompactionStatistics();
  readonly tables: TableCache;
  readonly obsoleteFiles: ObsoleteFiles;
  version: Version;
  /** All that readers must respect: those in the manifest, and those of operations that are only in the WAL. */
  rangeDeletes: RangeDelete[];
  /** Sequence numbers of those in the manifest. Only they may make data go for good. */
  readonly #writtenRangeDeletes: Set<number>;
  /** A failure that may pass, such as a full disk; undefined again once something succeeds. */
  backgroundError: unknown;

  readonly #environment: TreeEnvironment;
  readonly #options: EngineOptions;
  readonly #owner: TreeOwner;
  readonly #manifest: Manifest;
  readonly #holds: Holds;
  #nextFileNumber: number;
  readonly #busyLevels = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  #changes: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  /** Why nothing new is started for now; something else may have succeeded meanwhile. */
  #retryCause: unknown;
  #isStarted = false;
  #isClosed = false;

  constructor(
    environment: TreeEnvironment,
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

  get pickerSettings(): PickerSettings {
    return {
      levelZeroTrigger: this.#options.levelZeroCompactionTrigger,
      levelOneTargetBytes: this.#options.levelOneTargetBytes,
    };
  }

  /** Whether the manifest's end on disk is unknown. */
  get isPoisoned(): boolean {
    return this.#manifest.poisoned;
  }

  get debtBytes(): number {
    return compactionDebtBytes(this.version, this.pickerSettings);
  }

  get runningCompactions(): number {
    return this.#running.size;
  }

  takeFileNumbers(count: number): number[] {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return Array.from({ length: count }, (_, at) => first + at);
  }

  /** Compaction may drop versions from now on: the coordinator has told what is held. */
  start(): void {
    this.#isStarted = true;
    this.schedule();
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
  #lastingRangeDeletes(alsoUpTo = 0): RangeDelete[] {
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
      rangeDeletes: this.#lastingRangeDeletes(alsoUpTo),
      timeMs: this.#owner.timeMs(),
      retainAll: this.#holds.retainAll,
      deeper,
    };
  }

  run(job: Job): Promise<JobResult> {
    return this.#environment.jobs.run(job);
  }

  /** Starts what is due. Called after every change, and when holds are given back. */
  schedule(): void {
    if (!this.#isStarted || this.#isClosed || this.#cancelRetry !== undefined) {
      return;
    }
    while (this.#running.size < this.#options.compactionParallelism) {
      const chosen = chooseCompaction(this.#pickerInput());
      if (chosen === undefined) {
        return;
      }
      void this.#start(chosen);
    }
  }

  /** Compacts everything into one level; resolves when nothing is left to do. */
  async compactAll(): Promise<void> {
    for (;;) {
      await this.idle();
      const chosen = chooseFullCompaction(this.#pickerInput());
      if (chosen === undefined || this.#isClosed) {
        return;
      }
      await this.#start(chosen);
      if (this.backgroundError !== undefined) {
        throw this.backgroundError;
      }
      const next = chooseFullCompaction(this.#pickerInput());
      if (
        next !== undefined &&
        "fromLevel" in next &&
        "toLevel" in chosen &&
        next.fromLevel === chosen.toLevel
      ) {
        // What is left (deletes that a snapshot still needs) would be left again.
        return;
      }
    }
  }

  /** Resolves when no compaction runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all(this.#running);
    }
  }

  /** Retries what failed a while later; meanwhile nothing new is started. */
  retryLater(error: unknown): void {
    this.backgroundError = error;
    this.#owner.onBackgroundError(error);
    if (this.#isClosed || this.#cancelRetry !== undefined) {
      return;
    }
    this.#retryCause = error;
    this.#cancelRetry = this.#environment.setTimer(() => {
      this.#cancelRetry = undefined;
      this.#retryCause = undefined;
      this.#owner.onProgress();
      this.schedule();
    }, backgroundRetryMs);
  }

  /** What failed last, or what is waited for. */
  get obstacle(): unknown {
    return this.backgroundError ?? this.#retryCause;
  }

  get isWaitingToRetry(): boolean {
    return this.#cancelRetry !== undefined;
  }

  /** Nothing new is started from now on. */
  stop(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
  }

  async close(): Promise<void> {
    this.stop();
    await this.idle();
    await this.#changes;
    await this.obsoleteFiles.settle();
    await this.#manifest.close();
    this.tables.close();
  }

  #pickerInput(): PickerInput {
    return {
      version: this.version,
      settings: this.pickerSettings,
      busyLevels: this.#busyLevels,
      oldestUnflushedSequence: this.#owner.oldestUnflushedSequence(),
      rangeDeletes: this.#lastingRangeDeletes(),
      holds: this.#holds.view(),
    };
  }

  #start(compaction: Compaction): Promise<void> {
    const levels =
      compaction.kind === "drop"
        ? this.#levelsOf(compaction.tables)
        : range(compaction.fromLevel, compaction.toLevel);
    for (const level of levels) {
      this.#busyLevels.add(level);
    }
    const work: Promise<void> = this.#perform(compaction)
      .then(
        () => {
          this.backgroundError = undefined;
        },
        (error: unknown) => this.#onFailure(error),
      )
      .finally(() => {
        for (const level of levels) {
          this.#busyLevels.delete(level);
        }
        this.#running.delete(work);
        this.#owner.onProgress();
        this.schedule();
      });
    this.#running.add(work);
    return work;
  }

  #levelsOf(tables: readonly LiveTable[]): number[] {
    return this.version.levels.flatMap((level, index) =>
      level.some((table) => tables.includes(table)) ? [index] : [],
    );
  }

  #onFailure(error: unknown): void {
    if (!(error instanceof FastKVError && error.code === "FASTKV_CLOSED")) {
      this.retryLater(error);
    }
  }

  async #perform(compaction: Compaction): Promise<void> {
    const removed = compaction.tables;
    const removedTables = removed.map((table) => table.fileNumber);
    if (compaction.kind === "drop") {
      await this.change({ removedTables });
      this.statistics.drops += 1;
      this.#removeFiles(removed);
    } else if (compaction.kind === "move") {
      const addedTables = removed.map((table) => ({ level: compaction.toLevel, table }));
      await this.change({ removedTables, addedTables });
      this.statistics.moves += 1;
    } else {
      await this.#merge(compaction.tables, compaction.toLevel);
    }
    await this.#forgetRangeDeletes();
  }

  async #merge(inputs: LiveTable[], toLevel: number): Promise<void> {
    const inputBytes = bytesOfTables(inputs);
    const { targetTableBytes } = this.#options;
    const fileNumbers = this.takeFileNumbers(
      Math.ceil(inputBytes / targetTableBytes) * 4 + inputs.length + 4,
    );
    const survival = this.survival(toLevel);
    const result = await this.run({
      kind: "merge",
      inputs: inputs.map(({ fileNumber, sequenceOverride }) => ({ fileNumber, sequenceOverride })),
      survival,
      output: this.outputSettings(fileNumbers, targetTableBytes, false),
    });
    const { statistics } = this;
    try {
      await this.change({
        removedTables: inputs.map((table) => table.fileNumber),
        addedTables: result.tables.map((table) => ({ level: toLevel, table: asLive(table, survival) })),
      });
    } catch (error) {
      // After a failed sync the edit may be on disk all the same: then the tables are needed.
      if (!this.#manifest.poisoned) {
        this.#removeFiles(result.tables);
      }
      throw error;
    }
    const overlap = this.version.findOverlap();
    invariant(overlap === undefined, `a compaction keeps levels disjoint: ${overlap}`);
    const outputEntries = result.tables.reduce((sum, table) => sum + table.entries, 0);
    statistics.compactions += 1;
    statistics.bytesRead += inputBytes;
    statistics.bytesWritten += result.tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    statistics.entriesRead += result.entriesRead;
    statistics.entriesDropped += result.entriesRead - outputEntries;
    this.#removeFiles(inputs);
  }

  #removeFiles(tables: readonly TableInfo[]): void {
    for (const { fileNumber } of tables) {
      this.tables.evict(fileNumber);
      this.obsoleteFiles.remove(tableName(fileNumber));
    }
  }

  /** Range deletes that hide nothing any more go, from memory and from the manifest. */
  async #forgetRangeDeletes(): Promise<void> {
    if (this.rangeDeletes.length === 0) {
      return;
    }
    const oldest = this.#owner.oldestUnflushedSequence();
    const outdated = this.#lastingRangeDeletes().filter(
      (range) => !rangeDeleteIsNeeded(range, this.version, oldest),
    );
    if (outdated.length > 0) {
      const removedRangeDeletes = outdated.map((range) => range.sequence);
      await this.change({ removedRangeDeletes });
      const gone = new Set(removedRangeDeletes);
      this.rangeDeletes = this.rangeDeletes.filter((range) => !gone.has(range.sequence));
      for (const sequence of gone) {
        this.#writtenRangeDeletes.delete(sequence);
      }
    }
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

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.min(to, levelCount - 1) - from + 1 }, (_, at) => from + at);
}
