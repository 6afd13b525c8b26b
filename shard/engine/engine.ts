/**
 * One shard's LSM engine. The mailbox passes it the writes of one frame at a time: `accept` puts them into the WAL and
 * the arena, `applyUntil` makes them visible step by step, so that the frame's reads see exactly the writes called
 * before them. Both are synchronous. Everything that may wait for a disk (syncs, rotation, flushes, compactions) is
 * asynchronous.
 */

import { FastKVError } from "../../shared/errors.js";
import { fileKind } from "../../shared/format/file-header.js";
import { filterSection, type SectionPart } from "../../shared/format/operations.js";
import { Compactor } from "./background/compactor.js";
import { Flusher } from "./background/flusher.js";
import { RetryPause } from "./background/retry-pause.js";
import { SequenceGate } from "./background/sequence-gate.js";
import { LoadCommits } from "./bulk-load/load-commits.js";
import { Loads, type ReadyLoad, readLoadFile } from "./bulk-load/loads.js";
import type { EngineEnvironment } from "./environment.js";
import { listFiles, tableName } from "./files/file-names.js";
import { LiveFiles } from "./files/live-files.js";
import { fileIdentity } from "./files/shard-identity.js";
import { closeFlushBytes, closeFlushSegments, type EngineOptions } from "./options.js";
import { type Hold, Holds } from "./read-path/holds.js";
import type { ReadView } from "./read-path/reads.js";
import { type LoggedBatches, type Recovered, type RecoveryReport, recover } from "./recovery/recovery.js";
import { replaySegment } from "./recovery/replay.js";
import { BlockCache } from "./table/block-cache.js";
import { TableCache } from "./table/table-cache.js";
import { Tree } from "./version/tree.js";
import { DurableLog, notApplied, restartsAfterFailedSync } from "./wal/durable-log.js";
import { Wal } from "./wal/wal.js";
import { Applier, type PlacedSection } from "./write-path/applier.js";
import { Memtables } from "./write-path/memtables.js";
import { Refusals } from "./write-path/refusals.js";
import { Rotation } from "./write-path/rotation.js";
import { pressureOf, type Stall, stallOf } from "./write-path/stall.js";

export interface EngineEvents {
  /** A sync has ended: everything up to `syncedSequence` is on disk. */
  onSynced: () => void;
  /** A stall may be over, or a memtable was flushed. */
  onProgress: () => void;
  /** The shard must end and restart: what is on disk is unknown, or a bug was found. */
  onFatal: (error: unknown) => void;
  onBackgroundError: (error: unknown) => void;
}

/** A frame's writes, from `accept` until all of them are applied. */
export interface AcceptedSection {
  pending: PlacedSection | undefined;
  /** Why the writes were refused. Those of logged batches were applied nevertheless. */
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
  /** Up to which sequence number the coordinator's batch log is on disk. */
  readonly #batchLog: SequenceGate;
  /** The batch log has no disk space, or can no longer be written. */
  #hasLogOutage = false;
  readonly #memtables: Memtables;
  readonly #applier: Applier;
  #timeMs: number;
  readonly #refusals = new Refusals();
  /** Set when the engine closes: what waits for disk space stops waiting. */
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
   * Recovers the shard in `folder`. When this returns, everything up to `syncedSequence` is on disk. Nothing is flushed
   * or compacted before `resume`.
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

  /** Every operation up to this number was applied or refused. */
  get appliedSequence(): number {
    return this.#log.appliedSequence;
  }

  /** Every operation up to this number is in the WAL or was refused. */
  get inWalSequence(): number {
    return this.#log.inWalSequence;
  }

  /** Resolves to false while the WAL still lacks operations that had to be taken although the disk was full. */
  settleDebts(): Promise<boolean> {
    return this.#log.settleDebts();
  }

  /** Every operation up to this number is on disk. */
  get syncedSequence(): number {
    return this.#log.syncedSequence;
  }

  get hasUnsynced(): boolean {
    return this.#log.hasUnsynced;
  }

  /**
   * Bytes of the current WAL segment, plus those of the sealed memtables' arenas, which stand for the operations in the
   * WAL.
   */
  get walBytes(): number {
    return this.#memtables.sealed.reduce(
      (sum, memtable) => sum + memtable.arena.allocatedBytes,
      this.#log.sizeBytes,
    );
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  /** Whether writes arrive faster than they are flushed and compacted. */
  get stall(): Stall {
    const isFailing = {
      flush: this.#flushPause.error !== undefined,
      compaction: this.#compactionPause.error !== undefined,
    };
    const { levelZeroDepth } = this.tree.version;
    // The coordinator sends no more writes then. Those it has already sent are taken, so that the reads after them are
    // answered.
    const isStuck = this.#hasLogOutage && this.flusher.isWaiting;
    return stallOf(isStuck ? 0 : this.#memtables.sealed.length, levelZeroDepth, isFailing, this.options);
  }

  /** How close slowed writes are to a stop, from 0 to 1. */
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

  /** Records the coordinator's clock, which never runs backwards. */
  noteTime(timeMs: number): void {
    if (timeMs > this.#timeMs) {
      this.#timeMs = timeMs;
    }
  }

  /**
   * The coordinator's batch log is on disk up to `syncedSequence`: what waited for that may be flushed. During an
   * outage the rest may take any length of time.
   */
  noteLog(syncedSequence: number, hasOutage: boolean): void {
    this.#batchLog.advance(syncedSequence);
    if (hasOutage !== this.#hasLogOutage) {
      this.#hasLogOutage = hasOutage;
      this.#onProgress();
    }
  }

  /** The coordinator knows of all refusals up to `sequence`: writes are tried again. */
  noteConfirmed(sequence: number): void {
    this.#refusals.confirm(sequence);
  }

  /**
   * The coordinator has reported the open snapshots and the committed bulk loads. Versions may be dropped from
   * now on; loads that are not committed and orphan tables are removed.
   */
  resume(held: readonly { id: number; hold: Hold }[], committedLoads: ReadonlySet<string>): void {
    for (const { id, hold } of held) {
      this.holds.take(id, hold);
    }
    this.holds.retainAll = false;
    for (const id of this.loads.readyIds()) {
      if (!committedLoads.has(id) && !this.#commits.isInForce(id)) {
        // Its tables may be in the manifest. Those that are not are removed as orphans.
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
   * Puts a section into the WAL and the arena. The caller has already left out operations up to `appliedSequence`,
   * which are sent again after a restart. If the disk refuses a write, that is a `refusal`, not an exception. With
   * `mayRefuse` false the operations are taken in any case, because they may have been acknowledged before the restart:
   * the coordinator keeps them until they are on disk.
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
    // Parts of logged batches are applied nevertheless: the batch log vouches for them.
    const logged = filterSection(section, firstSequence, (operation) => operation.logged);
    return { pending: logged && this.#placeUnwritten(logged, logged.from), refusal, lastSequence };
  }

  /** Applies the operations of the section that lie before its byte `end`. */
  applyUntil(accepted: AcceptedSection, end: number): void {
    if (accepted.pending !== undefined) {
      this.#applier.applyUntil(accepted.pending, end);
    }
  }

  /** Applies the rest of the section. Then all of it is applied or refused. */
  complete(accepted: AcceptedSection): void {
    this.applyUntil(accepted, Number.POSITIVE_INFINITY);
    this.#log.appliedSequence = Math.max(this.#log.appliedSequence, accepted.lastSequence);
  }

  /** Starts a sync, or another one after the sync that is running. `onSynced` reports the end. */
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

  /** Takes operations that the WAL has no disk space for; they are written to the WAL later. */
  #placeUnwritten(part: SectionPart, from?: readonly number[]): PlacedSection {
    this.#log.owe(part);
    return this.#applier.place(part.section, part.firstSequence, from);
  }

  // Memtables

  /**
   * Seals the active memtable before a bulk load's commit, because the load must be newer than all of it. The WAL
   * segment stays the same: a committed load cannot be refused, even if there is no disk space for another segment.
   */
  sealForLoad(): void {
    if (this.#memtables.active.isTouched) {
      this.#memtables.moveOn(this.#log.segmentNumber);
      this.flusher.schedule();
    }
  }

  /**
   * Seals everything taken so far, for a flush. Resolves to false if the disk has no room for it. Until it resolves no
   * write may be taken.
   */
  seal(): Promise<boolean> {
    return this.#memtables.active.isTouched ? this.rotation.run() : Promise.resolve(true);
  }

  /** Seals, then flushes all memtables. Rejects if that is not possible now. */
  async flush(): Promise<void> {
    if (!(await this.seal())) {
      throw this.#rotationPause.obstacle;
    }
    await this.#commits.writtenAtOnce();
    await this.flusher.flushAll();
  }

  /** Flushes all memtables, compacts everything into one level, and frees the space that is no longer needed. */
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
   * Ends cleanly: syncs, and records the exact length of every file. When this resolves, nothing of the engine runs any
   * more. With `atOnce` (the coordinator is gone) nothing is flushed, and nothing is awaited that the coordinator would
   * have to tell: the next start recovers.
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

  /** Flushes what would make the next start slow and what must not be left unflushed. */
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
    // A segment that is being made would add itself to the manifest after the last edit.
    try {
      await this.#log.settle();
    } catch (error) {
      this.#events.onBackgroundError(error);
      return;
    }
    await this.tree.obsoleteFiles.settle();
    await fileSystem.syncFolderAsync(folder);
    const cleanFiles = this.#files.sizes();
    // If the disk has no room for this edit, the next start recovers: nothing is lost.
    await this.tree.change({ cleanFiles }).catch((error: unknown) => this.#events.onBackgroundError(error));
  }

  #newPause(): RetryPause {
    return new RetryPause({
      setTimer: (call, delayMs) => this.#environment.setTimer(call, delayMs),
      onFailed: (error) => this.#events.onBackgroundError(error),
      onOver: () => this.#onProgress(),
    });
  }

  /** Something has changed or ended, so the work that waited for it may start. */
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
