/**
 * One shard's LSM engine. The mailbox hands it one frame's writes at a time: `accept` puts them into the WAL and
 * the arena, `applyUntil` makes them visible step by step, so that the frame's reads see just what was called
 * before them. Both are synchronous. Whatever may wait for a disk (syncs, rotation, flushes, compactions) is not.
 */

import { FastKVError } from "../../shared/errors.js";
import { fileKind } from "../../shared/format/file-header.js";
import { filterSection, type SectionPart } from "../../shared/format/operations.js";
import { Applier, type PlacedSection } from "./applier.js";
import { Compactor } from "./compactor.js";
import type { EngineEnvironment } from "./environment.js";
import { tableName } from "./file-names.js";
import { Flusher } from "./flusher.js";
import { type Hold, Holds } from "./holds.js";
import { LiveFiles } from "./live-files.js";
import { LoadCommits } from "./load-commits.js";
import { Loads, type ReadyLoad, readLoadFile } from "./loads.js";
import { DurableLog, notApplied, restartsAfterFailedSync } from "./log/durable-log.js";
import { Wal } from "./log/wal.js";
import { Memtables } from "./memtables.js";
import { closeFlushBytes, closeFlushSegments, type EngineOptions } from "./options.js";
import type { ReadView } from "./reads.js";
import { type LoggedBatches, listFiles, type Recovered, type RecoveryReport, recover } from "./recovery.js";
import { Refusals } from "./refusals.js";
import { replaySegment } from "./replay.js";
import { RetryPause } from "./retry-pause.js";
import { Rotation } from "./rotation.js";
import { SequenceGate } from "./sequence-gate.js";
import { pressureOf, type Stall, stallOf } from "./stall.js";
import { BlockCache } from "./table/block-cache.js";
import { TableCache } from "./table/table-cache.js";
import { Tree } from "./tree.js";
import { fileIdentity } from "./version/manifest.js";

export interface EngineEvents {
  /** A sync has ended: everything up to `syncedSequence` is on disk. */
  onSynced: () => void;
  /** A stall may be over, or a memtable was flushed. */
  onProgress: () => void;
  /** The shard must end and start anew: what is on disk is unknown, or a bug was found. */
  onFatal: (error: unknown) => void;
  onBackgroundError: (error: unknown) => void;
}

/** A frame's writes on their way into the memtable. */
export interface AcceptedSection {
  pending: PlacedSection | undefined;
  /** Why the writes were refused. Those of logged batches were applied all the same. */
  refusal: FastKVError | undefined;
  lastSequence: number;
}

export class Engine {
  readonly options: EngineOptions;
  readonly report: RecoveryReport;
  readonly holds = new Holds();
  readonly tree: Tree;
  readonly flusher: Flusher;
  readonly compactor: Compactor;
  readonly loads: Loads;
  readonly blockCache: BlockCache;
  readonly rotation: Rotation;

  readonly #environment: EngineEnvironment;
  readonly #events: EngineEvents;
  readonly #log: DurableLog;
  readonly #flushPause: RetryPause;
  readonly #compactionPause: RetryPause;
  readonly #rotationPause: RetryPause;
  readonly #files: LiveFiles;
  readonly #commits: LoadCommits;
  /** How far the coordinator's batch log is on disk. */
  readonly #batchLog: SequenceGate;
  /** It has no room, or cannot be written any more. */
  #hasLogOutage = false;
  readonly #memtables: Memtables;
  readonly #applier: Applier;
  #timeMs: number;
  readonly #refusals = new Refusals();
  /** What waits for room on the disk waits no more. */
  #isEnding = false;
  #isClosed = false;
  #isFatal = false;
  #isResumed = false;

  private constructor(
    environment: EngineEnvironment,
    options: EngineOptions,
    events: EngineEvents,
    opened: { recovered: Recovered; readyLoads: ReadyLoad[]; logged: LoggedBatches },
  ) {
    const { recovered } = opened;
    const { fileSystem, folder, shard } = environment;
    const onFatal = (error: unknown): void => this.#onFatal(error);
    const onBackgroundError = (error: unknown): void => events.onBackgroundError(error);
    const onProgress = (): void => this.#onProgress();
    this.options = options;
    this.report = recovered.report;
    this.#environment = environment;
    this.#events = events;
    this.#timeMs = recovered.state.timeMs;
    this.#batchLog = new SequenceGate(opened.logged.syncedSequence);
    this.#memtables = new Memtables(recovered.state.logNumber, options.maxMemtableBytes);
    this.#log = new DurableLog(
      new Wal(fileSystem, folder, shard, recovered.segment, recovered.manifest.fileNumber),
      recovered.lastSequence,
      {
        timeMs: () => this.#timeMs,
        mayPay: () => !this.#refusals.isPending,
        onSynced: () => events.onSynced(),
        onFatal,
      },
    );
    this.blockCache = new BlockCache(options.cacheBytes);
    const tables = new TableCache(
      fileSystem,
      (fileNumber) => `${folder}/${tableName(fileNumber)}`,
      (fileNumber) => fileIdentity(shard, fileKind.table, fileNumber),
      this.blockCache,
      options.maxOpenTables,
    );
    this.tree = new Tree(
      environment,
      options,
      {
        timeMs: () => this.#timeMs,
        onFatal,
        onBackgroundError,
      },
      this.holds,
      { ...recovered, tables },
    );
    this.#flushPause = this.#newPause();
    this.#compactionPause = this.#newPause();
    this.#rotationPause = this.#newPause();
    this.compactor = new Compactor(this.tree, options, this.holds, this.#compactionPause, {
      oldestUnflushedSequence: () => this.#oldestUnflushedSequence(),
      onProgress,
    });
    this.loads = new Loads(environment, options, this.tree, opened.readyLoads);
    this.#files = new LiveFiles(environment, { tree: this.tree, loads: this.loads, log: this.#log });
    this.#commits = new LoadCommits(this.tree, this.loads, recovered.state.ingested, {
      logSynced: (sequence) => this.#batchLog.reached(sequence),
      isEnding: () => this.#isEnding || this.#isFatal,
      onWritten: onProgress,
      onBackgroundError,
      setTimer: (call, delayMs) => environment.setTimer(call, delayMs),
    });
    this.flusher = new Flusher(environment, this.#memtables, this.tree, this.#flushPause, {
      mayFlush: () => this.#isResumed && !this.#isClosed && !this.#isFatal,
      mayBecomeDurable: async (memtable) => {
        await this.#batchLog.reached(memtable.maxLoggedSequence);
        await this.#refusals.told(memtable.maxSequence);
        await this.#commits.written(memtable.maxSequence);
      },
      onFlushed: (memtable) => this.#log.noteFlushed(memtable.maxSequence),
      onProgress,
    });
    const parts = { memtables: this.#memtables, log: this.#log, tree: this.tree };
    this.rotation = new Rotation(parts, this.#rotationPause, () => this.flusher.schedule());
    this.#applier = new Applier(
      { memtables: this.#memtables, tree: this.tree, holds: this.holds, commits: this.#commits },
      { view: () => this.view(), onBackgroundError },
    );
  }

  /**
   * Recovers the shard in `folder`. When this returns, everything up to `syncedSequence` is on disk. Nothing is
   * flushed or compacted before `resume`.
   */
  static open(
    environment: EngineEnvironment,
    options: EngineOptions,
    events: EngineEvents,
    start: { create: boolean; logged: LoggedBatches },
  ): Engine {
    const { fileSystem, folder, shard } = environment;
    const recovered = recover({ fileSystem, folder, shard, ...start });
    const readyLoads = listFiles(fileSystem, folder)
      .filter((file) => file.kind === "load")
      .map((file) => readLoadFile(fileSystem, folder, shard, file.fileNumber));
    const engine = new Engine(environment, options, events, { recovered, readyLoads, logged: start.logged });
    const { logs, flushedSequence } = recovered.state;
    for (const log of logs) {
      replaySegment(environment, { log, flushedSequence }, engine.#memtables, engine.#applier);
    }
    return engine;
  }

  /** Every operation up to here was applied or refused. */
  get appliedSequence(): number {
    return this.#log.appliedSequence;
  }

  /** Every operation up to here is in the WAL or was refused. */
  get inWalSequence(): number {
    return this.#log.inWalSequence;
  }

  /** False where the WAL still lacks operations that had to be taken without room for them. */
  settleDebts(): Promise<boolean> {
    return this.#log.settleDebts();
  }

  /** Every operation up to here is on disk. */
  get syncedSequence(): number {
    return this.#log.syncedSequence;
  }

  get hasUnsynced(): boolean {
    return this.#log.hasUnsynced;
  }

  /** Bytes of the WAL segment that is written, and of the operations of sealed memtables in theirs. */
  get walBytes(): number {
    return this.#memtables.sealed.reduce(
      (sum, memtable) => sum + memtable.arena.allocatedBytes,
      this.#log.sizeBytes,
    );
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  /** Whether writes come faster than they are flushed and compacted. */
  get stall(): Stall {
    const isFailing = {
      flush: this.#flushPause.error !== undefined,
      compaction: this.#compactionPause.error !== undefined,
    };
    const { levelZeroDepth } = this.tree.version;
    // The coordinator takes no more writes then; what it has sent is taken, so that the reads behind it are answered.
    const isStuck = this.#hasLogOutage && this.flusher.isWaiting;
    return stallOf(isStuck ? 0 : this.#memtables.sealed.length, levelZeroDepth, isFailing, this.options);
  }

  /** How near writes are to a stop, from 0 to 1, while they are slowed. */
  get pressure(): number {
    const { sealed, activeFill } = this.#memtables;
    return pressureOf(sealed.length, activeFill, this.tree.version.levelZeroDepth, this.options);
  }

  view(): ReadView {
    return {
      active: this.#memtables.active,
      sealed: this.#memtables.sealed,
      version: this.tree.version,
      rangeDeletes: this.tree.rangeDeletes,
      tables: this.tree.tables,
    };
  }

  // What the coordinator tells

  /** Takes note of the coordinator's clock, which never runs backwards. */
  noteTime(timeMs: number): void {
    if (timeMs > this.#timeMs) {
      this.#timeMs = timeMs;
    }
  }

  /** The coordinator's batch log is on disk up to here: what waited for it may be flushed. With an outage the rest may take any time. */
  noteLog(syncedSequence: number, hasOutage: boolean): void {
    this.#batchLog.advance(syncedSequence);
    if (hasOutage !== this.#hasLogOutage) {
      this.#hasLogOutage = hasOutage;
      this.#onProgress();
    }
  }

  /** The coordinator knows of all refusals up to here: writes are tried again. */
  noteConfirmed(sequence: number): void {
    this.#refusals.confirm(sequence);
  }

  /**
   * The coordinator has told which snapshots are open and which bulk loads are committed: versions may be dropped
   * from now on, and what belongs to no load goes.
   */
  resume(held: readonly { id: number; hold: Hold }[], committedLoads: ReadonlySet<string>): void {
    for (const { id, hold } of held) {
      this.holds.take(id, hold);
    }
    this.holds.retainAll = false;
    for (const id of this.loads.readyIds()) {
      if (!committedLoads.has(id) && !this.#commits.isInForce(id)) {
        // Its tables may be in the manifest: those that are not, go as orphans.
        this.loads.forget(id);
      }
    }
    this.#files.removeOrphanTables();
    this.#isResumed = true;
    this.compactor.start();
    this.flusher.schedule();
  }

  // Writes

  /**
   * Puts a section into the WAL and the arena. Operations up to `appliedSequence` (sent again after a restart) must
   * have been left out by the caller. A write that the disk refuses is not an exception but a `refusal`. With
   * `mayRefuse` false (they were perhaps acknowledged before the restart) they are taken all the same: the coordinator
   * keeps them until they are on disk.
   */
  accept(part: SectionPart, timeMs: number, mayRefuse: boolean): AcceptedSection {
    const { section, firstSequence, lastSequence } = part;
    this.noteTime(timeMs);
    const refusal = this.#whyRefused() ?? this.#log.append(part);
    if (refusal === undefined) {
      if (this.#memtables.isActiveHalfFull) {
        this.rotation.prepare();
      }
      return { pending: this.#applier.place(section, firstSequence), refusal, lastSequence };
    }
    if (!mayRefuse) {
      const pending = this.#placeUnwritten({ ...part, section: Buffer.from(section) });
      return { pending, refusal: undefined, lastSequence };
    }
    this.#refusals.note(firstSequence, lastSequence);
    // The batch log vouches for the parts of logged batches.
    const logged = filterSection(section, firstSequence, (operation) => operation.logged);
    return { pending: logged && this.#placeUnwritten(logged, logged.from), refusal, lastSequence };
  }

  /** Applies what of the section lies before byte `end` of it. */
  applyUntil(accepted: AcceptedSection, end: number): void {
    if (accepted.pending !== undefined) {
      this.#applier.applyUntil(accepted.pending, end);
    }
  }

  /** All of the section is applied or refused. */
  complete(accepted: AcceptedSection): void {
    this.applyUntil(accepted, Number.POSITIVE_INFINITY);
    this.#log.appliedSequence = Math.max(this.#log.appliedSequence, accepted.lastSequence);
  }

  /** Starts a sync, or has the one under way followed by another. `onSynced` tells the end. */
  requestSync(): void {
    this.#log.requestSync();
  }

  #whyRefused(): FastKVError | undefined {
    if (this.#isFatal) {
      return restartsAfterFailedSync();
    }
    const { stall } = this;
    if (stall.kind === "stop" && stall.reason === "background-error") {
      return notApplied(this.#flushPause.error ?? this.#compactionPause.error);
    }
    return this.#refusals.isPending ? refusedBefore() : undefined;
  }

  /** Takes what the WAL has no room for, and owes it to the WAL. */
  #placeUnwritten(part: SectionPart, from?: readonly number[]): PlacedSection {
    this.#log.owe(part);
    return this.#applier.place(part.section, part.firstSequence, from);
  }

  // Memtables

  /**
   * A bulk load's commit must find the active memtable untouched: the load is newer than all of it. The WAL segment goes
   * on: a committed load cannot be refused, also where there is no room for another.
   */
  sealForLoad(): void {
    if (this.#memtables.active.isTouched) {
      this.#memtables.moveOn(this.#log.segmentNumber);
      this.flusher.schedule();
    }
  }

  /** Seals what was taken by now, for a flush; false where there is no room to. Until it resolves no write may be taken. */
  seal(): Promise<boolean> {
    return this.#memtables.active.isTouched ? this.rotation.run() : Promise.resolve(true);
  }

  /** Writes all memtables out. It seals first. Rejects where that is not possible now. */
  async flush(): Promise<void> {
    if (!(await this.seal())) {
      throw this.#rotationPause.error;
    }
    await this.#commits.writtenAtOnce();
    await this.flusher.flushAll();
  }

  /** Writes all memtables out, compacts everything into one level, and gives back the space of what is not needed then. */
  async compactAll(): Promise<void> {
    await this.flush();
    await this.compactor.compactAll();
    await this.tree.obsoleteFiles.settle();
  }

  #oldestUnflushedSequence(): number {
    return Math.min(this.#memtables.oldestSequence, ...this.#commits.unwrittenSequences());
  }

  // Life

  /**
   * Ends cleanly: syncs, and records the exact length of every file. When this resolves nothing of the engine runs
   * any more. With `atOnce` (the coordinator is gone) nothing is flushed and nothing awaited that it would have to
   * tell: the next start recovers.
   */
  async close({ atOnce }: { atOnce: boolean }): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isEnding = true;
    if (!atOnce) {
      await this.#finishMemtables();
    }
    this.#isClosed = true;
    for (const pause of [this.#flushPause, this.#compactionPause, this.#rotationPause]) {
      pause.stop();
    }
    this.compactor.stop();
    this.#batchLog.close();
    this.#refusals.close();
    await this.flusher.settle();
    await this.#environment.jobs.close();
    await this.compactor.idle();
    if (atOnce) {
      await this.#log.syncNow().catch(() => undefined);
    } else if (!this.#isFatal) {
      await this.#closeCleanly();
    }
    await this.#log.close();
    await this.tree.close();
  }

  /** Writes out what would make the next start slow, and what must not stay behind. */
  async #finishMemtables(): Promise<void> {
    const isLarge =
      this.#memtables.active.memoryBytes > closeFlushBytes || this.#files.walSegments > closeFlushSegments;
    if (this.#isResumed && !this.#isFatal && (isLarge || this.#memtables.sealed.length > 0)) {
      await this.flush().catch((error: unknown) => this.#events.onBackgroundError(error));
    }
    await this.#commits.written().catch(() => undefined);
  }

  async #closeCleanly(): Promise<void> {
    await this.#log.syncNow();
    if (!this.#log.owesNothing) {
      return;
    }
    const { fileSystem, folder } = this.#environment;
    // A segment that is being made would enter itself into the manifest behind the last edit.
    try {
      await this.#log.settle();
    } catch (error) {
      this.#events.onBackgroundError(error);
      return;
    }
    await this.tree.obsoleteFiles.settle();
    await fileSystem.syncFolderAsync(folder);
    const cleanFiles = this.#files.sizes();
    // Where there is no room for this edit the next start recovers: nothing is lost.
    await this.tree.change({ cleanFiles }).catch((error: unknown) => this.#events.onBackgroundError(error));
  }

  #newPause(): RetryPause {
    return new RetryPause({
      setTimer: (call, delayMs) => this.#environment.setTimer(call, delayMs),
      onFailed: (error) => this.#events.onBackgroundError(error),
      onOver: () => this.#onProgress(),
    });
  }

  /** Something has changed or ended: what waited for it may start. */
  #onProgress(): void {
    if (!this.#isClosed) {
      this.flusher.schedule();
      this.compactor.schedule();
      this.#events.onProgress();
    }
  }

  #onFatal(error: unknown): void {
    if (!this.#isFatal) {
      this.#isFatal = true;
      this.#events.onFatal(error);
    }
  }
}

function refusedBefore(): FastKVError {
  return new FastKVError("FASTKV_NO_SPACE", "An earlier write of this shard was refused; try again", {
    writeOutcome: "not-applied",
  });
}
