/**
 * One shard's LSM engine. The mailbox hands it one frame's writes at a time: `accept` puts them into the WAL and
 * the arena, `applyUntil` makes them visible step by step, so that the frame's reads see just what was called
 * before them. Both are synchronous. Whatever may wait for a disk (syncs, rotation, flushes, compactions) is not.
 */

import { bytesOf } from "../../shared/bytes.js";
import { FastKVError, invariant, toErrorReport } from "../../shared/errors.js";
import { fileKind } from "../../shared/format/file-header.js";
import {
  filterSection,
  OperationReader,
  OperationSection,
  operationKind,
  type SectionPart,
} from "../../shared/format/operations.js";
import { readLog } from "../../shared/log/record-log.js";
import { tableName, walName } from "./file-names.js";
import { type Hold, Holds } from "./holds.js";
import { Loads, type ReadyLoad, readLoadFile } from "./loads.js";
import { Wal } from "./log/wal.js";
import type { ArenaSection } from "./memtable/arena.js";
import { Memtable } from "./memtable/memtable.js";
import {
  closeFlushBytes,
  closeFlushSegments,
  type EngineOptions,
  maxSealedMemtables,
  maxUnsyncedWalBytes,
  smallRangeKeys,
} from "./options.js";
import { type KeyRange, type RangeDelete, rangeOf } from "./range-delete.js";
import { type PageRequest, type ReadView, readPage } from "./reads.js";
import { type LoggedBatches, listFiles, type Recovered, type RecoveryReport, recover } from "./recovery.js";
import { BlockCache } from "./table/block-cache.js";
import { TableCache } from "./table/table-cache.js";
import { asLive, asLoaded, Tree, type TreeEnvironment } from "./tree.js";
import { fileIdentity, type ManifestState } from "./version/manifest.js";
import type { LiveTable } from "./version/version.js";

export interface EngineEvents {
  /** A sync has ended: everything up to `syncedSequence` is on disk. */
  onSynced: () => void;
  /** A stall may be over, or a memtable was flushed. */
  onProgress: () => void;
  /** The shard must end and start anew: what is on disk is unknown, or a bug was found. */
  onFatal: (error: unknown) => void;
  onBackgroundError: (error: unknown) => void;
}

export type StallReason = "none" | "memtables" | "level-zero" | "background-error";

export interface Stall {
  /** "slow": writes are delayed; "stop": they wait. */
  kind: "none" | "slow" | "stop";
  reason: StallReason;
}

interface PlacedSection {
  section: ArenaSection;
  reader: OperationReader;
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
  readonly loads: Loads;
  readonly blockCache: BlockCache;

  /** Every operation up to here was applied or refused. */
  writtenSequence: number;
  /** Every operation up to here is on disk. */
  syncedSequence: number;

  readonly #environment: TreeEnvironment;
  readonly #events: EngineEvents;
  readonly #wal: Wal;
  #active: Memtable;
  #sealed: Memtable[] = [];
  #timeMs: number;
  #flushing: Promise<void> | undefined;
  #rotating: Promise<void> | undefined;
  #sealing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #syncWanted = false;
  /** Batches up to here have their records on disk in the batch log. */
  #logSyncedSequence: number;
  #onLogSynced: (() => void)[] = [];
  /** Bulk loads that are in force but not yet in the manifest, by sequence number. */
  readonly #unwrittenLoads = new Map<number, Promise<void>>();
  /** Their ids: their files are needed until the manifest has them. */
  readonly #loadsInForce = new Set<string>();
  /** Bulk loads that the manifest had at the start: a commit that comes again finds its work done. */
  readonly #ingested: ReadonlySet<number>;
  /** Parts of logged batches, and writes sent again, that the WAL had no room for; written first when it has. */
  #owedToWal: SectionPart[] = [];
  /** The last sequence number that was refused, until the coordinator has confirmed it. */
  #refusedUpTo = 0;
  #isClosed = false;
  #isFatal = false;
  #isResumed = false;

  private constructor(
    environment: TreeEnvironment,
    options: EngineOptions,
    events: EngineEvents,
    opened: {
      recovered: Recovered;
      readyLoads: ReadyLoad[];
      logged: LoggedBatches;
    },
  ) {
    const { recovered } = opened;
    this.options = options;
    this.report = recovered.report;
    this.#environment = environment;
    this.#events = events;
    this.#timeMs = recovered.state.timeMs;
    this.#ingested = new Set(recovered.state.ingested);
    this.writtenSequence = recovered.lastSequence;
    this.syncedSequence = recovered.lastSequence;
    this.#logSyncedSequence = opened.logged.syncedSequence;
    this.#wal = new Wal(environment.fileSystem, environment.folder, environment.shard, recovered.segment);
    this.blockCache = new BlockCache(options.cacheBytes);
    this.#active = this.#newMemtable(recovered.state.logNumber);
    this.tree = new Tree(
      environment,
      options,
      {
        timeMs: () => this.#timeMs,
        oldestUnflushedSequence: () => this.#oldestUnflushedSequence(),
        onProgress: () => this.#onProgress(),
        onFatal: (error) => this.#onFatal(error),
        onBackgroundError: (error) => events.onBackgroundError(error),
      },
      this.holds,
      {
        ...recovered,
        tables: new TableCache(
          environment.fileSystem,
          (fileNumber) => `${environment.folder}/${tableName(fileNumber)}`,
          (fileNumber) => fileIdentity(environment.shard, fileKind.table, fileNumber),
          this.blockCache,
          options.maxOpenTables,
        ),
      },
    );
    this.loads = new Loads(environment, options, this.tree, opened.readyLoads);
  }

  /**
   * Recovers the shard in `folder`. When this returns, everything up to `syncedSequence` is on disk. Nothing is
   * flushed or compacted before `resume`.
   */
  static open(
    environment: TreeEnvironment,
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
    for (const log of recovered.state.logs) {
      engine.#replaySegment(log, recovered.state);
    }
    return engine;
  }

  /** Bytes of all live WAL segments. */
  get walBytes(): number {
    return (
      this.#wal.sizeBytes + this.#sealed.reduce((sum, memtable) => sum + memtable.arena.allocatedBytes, 0)
    );
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  /** Takes note of the coordinator's clock, which never runs backwards. */
  noteTime(timeMs: number): void {
    if (timeMs > this.#timeMs) {
      this.#timeMs = timeMs;
    }
  }

  view(): ReadView {
    return {
      active: this.#active,
      sealed: this.#sealed,
      version: this.tree.version,
      rangeDeletes: this.tree.rangeDeletes,
      tables: this.tree.tables,
    };
  }

  /**
   * The coordinator has told which snapshots are open and which bulk loads are committed: versions may be dropped
   * from now on, and what belongs to no load goes.
   */
  async resume(
    held: readonly { id: number; hold: Hold }[],
    committedLoads: ReadonlySet<string>,
  ): Promise<void> {
    for (const { id, hold } of held) {
      this.holds.take(id, hold);
    }
    this.holds.retainAll = false;
    for (const id of this.loads.readyIds()) {
      if (!committedLoads.has(id) && !this.#loadsInForce.has(id)) {
        // Its tables may be in the manifest: those that are not, go as orphans.
        this.loads.forget(id);
      }
    }
    this.#removeOrphanTables();
    this.#isResumed = true;
    this.tree.start();
    this.#scheduleFlush();
  }

  /** The coordinator's batch log is on disk up to here: what waited for it may be flushed. */
  noteLogSynced(sequence: number): void {
    if (sequence > this.#logSyncedSequence) {
      this.#logSyncedSequence = sequence;
      const waiting = this.#onLogSynced;
      this.#onLogSynced = [];
      for (const proceed of waiting) {
        proceed();
      }
    }
  }

  /** The coordinator knows of all refusals up to here: writes are tried again. */
  noteConfirmed(sequence: number): void {
    if (sequence >= this.#refusedUpTo) {
      this.#refusedUpTo = 0;
    }
  }

  // Writes

  /** Whether the active memtable is full: the mailbox then awaits `rotate` before it goes on. */
  get needsRotation(): boolean {
    return this.#active.memoryBytes >= this.options.maxMemtableBytes && !this.tree.isWaitingToRetry;
  }

  /**
   * Puts a section into the WAL and the arena. Operations up to `writtenSequence` (sent again after a restart) must
   * have been left out by the caller. A write that the disk refuses is not an exception but a `refusal`. With
   * `mayRefuse` false (they were perhaps acknowledged before the restart) they are taken all the same: the coordinator
   * keeps them until they are on disk.
   */
  accept(part: SectionPart, timeMs: number, mayRefuse: boolean): AcceptedSection {
    const { section, firstSequence, lastSequence } = part;
    this.noteTime(timeMs);
    const refusal = this.#appendToWal(section, firstSequence);
    if (refusal !== undefined && !mayRefuse) {
      this.#takeUnwritten({ ...part, section: Buffer.from(section) });
      return { pending: undefined, refusal: undefined, lastSequence };
    }
    if (refusal !== undefined) {
      this.#refusedUpTo = lastSequence;
      this.#takeLoggedParts(section, firstSequence);
      return { pending: undefined, refusal, lastSequence };
    }
    if (this.#wal.unsyncedBytes >= maxUnsyncedWalBytes) {
      this.requestSync();
    }
    if (this.#active.memoryBytes * 2 >= this.options.maxMemtableBytes) {
      this.#prepareNextSegment();
    }
    return { pending: this.#place(section, firstSequence), refusal, lastSequence };
  }

  /** Applies what of the section lies before byte `end` of it. */
  applyUntil(accepted: AcceptedSection, end: number): void {
    if (accepted.pending !== undefined) {
      this.#applyPlaced(accepted.pending, end);
    }
  }

  /** All of the section is applied or refused. */
  complete(accepted: AcceptedSection): void {
    this.applyUntil(accepted, Number.POSITIVE_INFINITY);
    this.writtenSequence = Math.max(this.writtenSequence, accepted.lastSequence);
  }

  /** Meanwhile the mailbox takes no writes: the old segment is to be synced whole. */
  get isRotating(): boolean {
    return this.#rotating !== undefined;
  }

  /** Seals the active memtable and moves on to the next WAL segment. A call meanwhile shares the one under way. */
  rotate(): Promise<void> {
    this.#rotating ??= this.#rotate().finally(() => {
      this.#rotating = undefined;
    });
    return this.#rotating;
  }

  async #rotate(): Promise<void> {
    this.#prepareNextSegment();
    const sealedSequence = this.#durableTarget();
    try {
      await this.#wal.rotate();
    } catch (error) {
      if (this.#wal.failure !== undefined) {
        this.#onFatal(error);
        throw error;
      }
      // No room for a new segment: the old one goes on, and the memtable grows beyond its limit until there is.
      this.tree.retryLater(error);
      return;
    }
    this.#noteSynced(sealedSequence);
    if (!this.#active.isEmpty || this.#hasRangeDeletes(this.#active)) {
      this.#sealed.push(this.#active);
    }
    this.#active = this.#newMemtable(this.#wal.segmentNumber);
    this.#scheduleFlush();
  }

  get stall(): Stall {
    const { levelZeroStopTrigger, levelZeroSlowdownTrigger } = this.options;
    const depth = this.tree.version.levelZeroDepth;
    const sealed = this.#sealed.length;
    if (sealed >= maxSealedMemtables) {
      return {
        kind: "stop",
        reason: this.tree.backgroundError === undefined ? "memtables" : "background-error",
      };
    }
    if (depth >= levelZeroStopTrigger) {
      return {
        kind: "stop",
        reason: this.tree.backgroundError === undefined ? "level-zero" : "background-error",
      };
    }
    if (sealed >= maxSealedMemtables - 1) {
      return { kind: "slow", reason: "memtables" };
    }
    return depth >= levelZeroSlowdownTrigger
      ? { kind: "slow", reason: "level-zero" }
      : { kind: "none", reason: "none" };
  }

  #place(section: Buffer, firstSequence: number): PlacedSection {
    const placed = this.#active.arena.append(section, firstSequence);
    const reader = new OperationReader(this.#active.arena.buffer(placed.chunk), placed.start, placed.end);
    return { section: placed, reader };
  }

  #applyPlaced({ section, reader }: PlacedSection, end: number): void {
    const limit = section.start + end;
    while (reader.end < limit && reader.next()) {
      this.#apply(reader, section);
    }
  }

  #apply(operation: OperationReader, placed: ArenaSection): void {
    const sequence = placed.firstSequence + operation.sequenceDelta;
    if (operation.logged) {
      this.#active.noteLogged(sequence);
    }
    switch (operation.kind) {
      case operationKind.put:
      case operationKind.delete:
        this.#active.add(operation, placed, sequence, this.#keepOlder);
        break;
      case operationKind.deleteRange:
        this.#applyDeleteRange(operation, sequence);
        break;
      case operationKind.ingest:
        this.#applyIngest(operation, sequence);
        break;
    }
  }

  readonly #keepOlder = (older: number, newer: number): boolean => this.holds.needs(older, newer);

  #applyDeleteRange(operation: OperationReader, sequence: number): void {
    const { buffer, keyStart, valueStart, end } = operation;
    const range = rangeOf(
      buffer.latin1Slice(keyStart, valueStart),
      buffer.latin1Slice(valueStart, end),
      operation.tag,
    );
    if (range.upper !== null && range.upper <= range.lower) {
      return;
    }
    const keys = this.#keysOfSmallRange(range, sequence);
    if (keys === undefined) {
      this.tree.rangeDeletes.push({ ...range, sequence });
      this.#active.noteSequence(sequence);
    } else {
      this.#deleteKeys(keys, sequence);
    }
  }

  /** The keys in a range, where they are few; undefined where they are many, or where a damaged block hides them. */
  #keysOfSmallRange(range: KeyRange, sequence: number): string[] | undefined {
    const keys: string[] = [];
    const request: PageRequest = {
      range,
      reverse: false,
      // Expired values are deleted too: nobody can see the difference, and they go the sooner.
      at: { sequence, timeMs: 0 },
      maxEntries: smallRangeKeys,
      maxBytes: Number.POSITIVE_INFINITY,
      maxExamined: smallRangeKeys * 16,
    };
    try {
      const rest = readPage(this.view(), request, (key) => {
        keys.push(key);
        return 0;
      });
      return rest === undefined ? keys : undefined;
    } catch (error) {
      this.#events.onBackgroundError(error);
      return undefined;
    }
  }

  #deleteKeys(keys: readonly string[], sequence: number): void {
    if (keys.length === 0) {
      return;
    }
    const section = new OperationSection(keys.length * 64);
    for (const key of keys) {
      section.append(
        {
          kind: operationKind.delete,
          tag: 0,
          expiresAt: 0,
          logged: false,
          key: bytesOf(key),
          value: new Uint8Array(0),
        },
        0,
      );
    }
    this.#applyPlaced(this.#place(section.bytes(), sequence), Number.POSITIVE_INFINITY);
  }

  #applyIngest(operation: OperationReader, sequence: number): void {
    if (this.#ingested.has(sequence)) {
      this.#active.noteLoad(sequence);
      return;
    }
    const id = operation.buffer.toString("hex", operation.valueStart, operation.end);
    const load = this.loads.readyLoad(id);
    if (load === undefined) {
      const { folder } = this.#environment;
      throw new FastKVError(
        "FASTKV_CORRUPTION",
        `The tables of a committed bulk load (${id}) are missing in ${folder}`,
      );
    }
    invariant(this.#active.maxSequence === 0, "a memtable is sealed before a bulk load becomes visible");
    this.#active.noteLoad(sequence);
    this.#installLoad(load, sequence);
  }

  /** Puts a load in force at once, and into the manifest when the batch log's record of it is on disk. */
  #installLoad(load: ReadyLoad, sequence: number): void {
    const tables = load.tables.map((table) => asLoaded(table, sequence));
    this.tree.install(tables);
    this.#loadsInForce.add(load.id);
    const written = this.#writeLoad(load, sequence, tables).finally(() => {
      this.#unwrittenLoads.delete(sequence);
      this.#onProgress();
      this.tree.schedule();
    });
    written.catch(() => undefined);
    this.#unwrittenLoads.set(sequence, written);
  }

  async #writeLoad(load: ReadyLoad, sequence: number, tables: LiveTable[]): Promise<void> {
    await this.#logSynced(sequence);
    const addedTables = tables.map((table) => ({ level: 0, table }));
    await this.#retrying(() => this.tree.change({ addedTables, ingested: [sequence] }, true));
    this.loads.forget(load.id);
  }

  /** A bulk load's commit must find the active memtable empty: the load is newer than all of it. */
  get needsSealForLoad(): boolean {
    return this.#active.maxSequence > 0;
  }

  // The WAL

  /** Brings back what a WAL segment holds. The tables already have everything up to `flushedSequence`. */
  #replaySegment(log: number, state: ManifestState): void {
    const { fileSystem, folder, shard } = this.#environment;
    if (this.needsRotation) {
      this.#sealInMemory(log);
    }
    readLog(fileSystem, `${folder}/${walName(log)}`, {
      expected: fileIdentity(shard, fileKind.wal, log),
      mayBeTorn: false,
      onRecord: (record) => {
        // What the tables have must not get into an arena: a flush would bring back what was deleted since.
        const part =
          record.firstSequence > state.flushedSequence
            ? { section: record.payload, firstSequence: record.firstSequence }
            : filterSection(
                record.payload,
                record.firstSequence,
                (_, sequence) => sequence > state.flushedSequence,
              );
        if (part === undefined) {
          return true;
        }
        const { firstSequence } = part;
        const { section, reader } = this.#place(part.section, firstSequence);
        while (reader.next()) {
          if (reader.kind === operationKind.ingest) {
            this.#sealInMemory(log);
          }
          this.#apply(reader, section);
        }
        return true;
      },
    });
  }

  #sealInMemory(log: number): void {
    if (this.#active.maxSequence > 0) {
      this.#sealed.push(this.#active);
      this.#active = this.#newMemtable(log);
    }
  }

  #appendToWal(section: Buffer, firstSequence: number): FastKVError | undefined {
    if (this.#isFatal) {
      return new FastKVError("FASTKV_IO", "The shard is restarting after a failed sync", {
        writeOutcome: "not-applied",
      });
    }
    const { stall } = this;
    if (stall.kind === "stop" && stall.reason === "background-error") {
      return notApplied(this.tree.backgroundError);
    }
    if (this.#refusedUpTo > 0) {
      return new FastKVError("FASTKV_NO_SPACE", "An earlier write of this shard was refused; try again", {
        writeOutcome: "not-applied",
      });
    }
    try {
      this.#payWal();
      this.#wal.append(section, firstSequence, this.#timeMs);
      return undefined;
    } catch (error) {
      if (this.#wal.failure !== undefined) {
        this.#onFatal(error);
      }
      return notApplied(error);
    }
  }

  /** The batch log vouches for the parts of logged batches: they are taken although the WAL has no room. */
  #takeLoggedParts(section: Buffer, firstSequence: number): void {
    const part = filterSection(section, firstSequence, (operation) => operation.logged);
    if (part !== undefined) {
      this.#takeUnwritten(part);
    }
  }

  /** Applies what the WAL has no room for, and owes it to the WAL. */
  #takeUnwritten(part: SectionPart): void {
    this.#owedToWal.push(part);
    this.#applyPlaced(this.#place(part.section, part.firstSequence), Number.POSITIVE_INFINITY);
  }

  /** Writes what the WAL had no room for when it came. Throws where there still is none. */
  #payWal(): void {
    for (let owed = this.#owedToWal[0]; owed !== undefined; owed = this.#owedToWal[0]) {
      this.#wal.append(owed.section, owed.firstSequence, this.#timeMs);
      this.#owedToWal.shift();
    }
  }

  #tryToPayWal(): void {
    try {
      this.#payWal();
    } catch (error) {
      if (this.#wal.failure !== undefined) {
        this.#onFatal(error);
      }
    }
  }

  /** Starts a sync, or has the one under way followed by another. `onSynced` tells the end. */
  requestSync(): void {
    if (this.#syncing !== undefined) {
      this.#syncWanted = true;
      return;
    }
    if (this.#isFatal) {
      return;
    }
    this.#tryToPayWal();
    if (this.syncedSequence >= this.#durableTarget()) {
      return;
    }
    this.#syncing = this.#sync();
  }

  get hasUnsynced(): boolean {
    return this.syncedSequence < this.writtenSequence;
  }

  async #sync(): Promise<void> {
    const target = this.#durableTarget();
    try {
      await this.#wal.sync();
      this.#noteSynced(target);
    } catch (error) {
      // The kernel has marked the pages clean: another try would succeed without the data.
      this.#onFatal(error);
    } finally {
      this.#syncing = undefined;
      if (this.#syncWanted) {
        this.#syncWanted = false;
        this.requestSync();
      }
    }
  }

  /** Nothing behind an operation that is not in the WAL counts as on disk. */
  #durableTarget(): number {
    const owed = this.#owedToWal[0];
    return owed === undefined ? this.writtenSequence : Math.min(this.writtenSequence, owed.firstSequence - 1);
  }

  #noteSynced(sequence: number): void {
    if (sequence > this.syncedSequence) {
      this.syncedSequence = sequence;
      this.#events.onSynced();
    }
  }

  #prepareNextSegment(): void {
    if (this.#wal.nextIsPrepared) {
      return;
    }
    const [number] = this.tree.takeFileNumbers(1);
    void this.#wal
      .prepareNext(number!, (log) => this.tree.change({ addedLogs: [log] }))
      .catch(() => undefined);
  }

  // Flushing

  #newMemtable(firstLogNumber: number): Memtable {
    return new Memtable(firstLogNumber, this.options.maxMemtableBytes);
  }

  #hasRangeDeletes(memtable: Memtable): boolean {
    return memtable.maxSequence > 0 && this.#rangeDeletesOf(memtable).length > 0;
  }

  #rangeDeletesOf(memtable: Memtable): RangeDelete[] {
    return this.tree.rangeDeletes.filter(
      (range) => range.sequence >= memtable.minSequence && range.sequence <= memtable.maxSequence,
    );
  }

  #oldestUnflushedSequence(): number {
    const memtables = [...this.#sealed, this.#active].map((memtable) => memtable.minSequence);
    return Math.min(...memtables, ...this.#unwrittenLoads.keys());
  }

  #scheduleFlush(): void {
    const isUnable = !this.#isResumed || this.#isClosed || this.#isFatal || this.tree.isWaitingToRetry;
    if (isUnable || this.#flushing !== undefined || this.#sealed.length === 0) {
      return;
    }
    this.#flushing = this.#flushOldest()
      .catch((error: unknown) => {
        if (!(error instanceof FastKVError && error.code === "FASTKV_CLOSED")) {
          this.tree.retryLater(error);
        }
      })
      .finally(() => {
        this.#flushing = undefined;
        this.#onProgress();
      });
  }

  async #flushOldest(): Promise<void> {
    const memtable = this.#sealed[0]!;
    await this.#logSynced(memtable.maxLoggedSequence);
    await Promise.all(
      [...this.#unwrittenLoads]
        .filter(([sequence]) => sequence <= memtable.maxSequence)
        .map(([, written]) => written),
    );
    const { tree } = this;
    const addedRangeDeletes = this.#rangeDeletesOf(memtable);
    const survival = tree.survival(0, memtable.maxSequence);
    const result = memtable.isEmpty
      ? { tables: [], entriesRead: 0 }
      : await tree.run({
          kind: "flush",
          arena: memtable.share(),
          survival,
          // One table, whatever its size: tables of level 0 count by their depth.
          output: tree.outputSettings(tree.takeFileNumbers(1), Number.POSITIVE_INFINITY, false),
        });
    const next = this.#sealed[1] ?? this.#active;
    try {
      await tree.change({
        addedTables: result.tables.map((table) => ({ level: 0, table: asLive(table, survival) })),
        logNumber: next.firstLogNumber,
        flushedSequence: memtable.maxSequence,
        addedRangeDeletes,
      });
    } catch (error) {
      if (!tree.isPoisoned) {
        for (const table of result.tables) {
          this.#environment.fileSystem.remove(`${this.#environment.folder}/${tableName(table.fileNumber)}`);
        }
      }
      throw error;
    }
    this.#sealed.shift();
    tree.noteWritten(addedRangeDeletes);
    // Everything up to here is in tables, also what the WAL had no room for.
    this.#owedToWal = this.#owedToWal.filter((owed) => owed.lastSequence > memtable.maxSequence);
    this.#noteSynced(memtable.maxSequence);
    tree.backgroundError = undefined;
    tree.statistics.flushes += 1;
    tree.statistics.flushedBytes += result.tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    this.#removeLogsBelow(next.firstLogNumber);
    tree.schedule();
  }

  #removeLogsBelow(logNumber: number): void {
    const { fileSystem, folder } = this.#environment;
    for (const file of listFiles(fileSystem, folder)) {
      if (file.kind === "wal" && file.fileNumber < logNumber) {
        fileSystem.remove(`${folder}/${file.name}`);
      }
    }
  }

  /** Resolves when the batch log's records up to `sequence` are on disk. */
  async #logSynced(sequence: number): Promise<void> {
    while (this.#logSyncedSequence < sequence) {
      if (this.#isClosed) {
        throw new FastKVError("FASTKV_CLOSED", "The shard was closed");
      }
      await new Promise<void>((resolve) => this.#onLogSynced.push(resolve));
    }
  }

  /** Tries until it succeeds: for what was promised and only waits for room on the disk. */
  async #retrying(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.#isClosed || this.#isFatal) {
          throw error;
        }
        this.#events.onBackgroundError(error);
        await new Promise<void>((resolve) => this.#environment.setTimer(resolve, 200));
      }
    }
  }

  // Files

  #removeOrphanTables(): void {
    const { fileSystem, folder } = this.#environment;
    const live = new Set([...this.tree.version.tables()].map((table) => table.fileNumber));
    for (const id of this.loads.readyIds()) {
      for (const table of this.loads.readyLoad(id)!.tables) {
        live.add(table.fileNumber);
      }
    }
    for (const file of listFiles(fileSystem, folder)) {
      if (file.kind === "table" && !live.has(file.fileNumber)) {
        fileSystem.remove(`${folder}/${file.name}`);
      }
    }
  }

  // Life

  /** Seals what was taken by now, for a flush. Like before `rotate`, no write may be taken until it resolves. */
  seal(): Promise<void> {
    this.#sealing ??= this.#sealActive().finally(() => {
      this.#sealing = undefined;
    });
    return this.#sealing;
  }

  async #sealActive(): Promise<void> {
    if (!this.#active.isEmpty || this.#hasRangeDeletes(this.#active)) {
      await this.rotate();
    }
  }

  /** Writes all memtables out. It seals first. */
  async flush(): Promise<void> {
    await this.seal();
    await Promise.all(this.#unwrittenLoads.values());
    while (this.#sealed.length > 0) {
      this.#scheduleFlush();
      if (this.#flushing === undefined) {
        throw this.tree.backgroundError ?? new FastKVError("FASTKV_IO", "The shard cannot flush now");
      }
      await this.#flushing;
    }
  }

  /**
   * Ends cleanly: syncs, and records the exact length of every file. When this resolves nothing of the engine runs
   * any more. With `atOnce` (the coordinator is gone) nothing is flushed and nothing awaited that it would have to
   * tell: the next start recovers.
   */
  async close({ atOnce }: { atOnce: boolean }): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    if (!atOnce) {
      await this.#finishMemtables();
    }
    this.#isClosed = true;
    this.tree.stop();
    for (const proceed of this.#onLogSynced) {
      proceed();
    }
    await this.#flushing?.catch(() => undefined);
    await this.#environment.jobs.close();
    await this.tree.idle();
    await this.#syncing;
    if (atOnce) {
      await this.#wal.sync().catch(() => undefined);
    } else if (!this.#isFatal) {
      await this.#closeCleanly();
    }
    await this.#wal.close();
    await this.tree.close();
  }

  /** Writes out what would make the next start slow, and what must not stay behind. */
  async #finishMemtables(): Promise<void> {
    const isLarge = this.#active.memoryBytes > closeFlushBytes || this.#logSegments() > closeFlushSegments;
    if (this.#isResumed && !this.#isFatal && (isLarge || this.#sealed.length > 0)) {
      await this.flush().catch((error: unknown) => this.#events.onBackgroundError(error));
    }
    await Promise.allSettled(this.#unwrittenLoads.values());
  }

  async #closeCleanly(): Promise<void> {
    const target = this.#durableTarget();
    await this.#wal.sync();
    this.#noteSynced(target);
    if (this.#owedToWal.length > 0) {
      return;
    }
    const { fileSystem, folder } = this.#environment;
    // A segment that is being made would enter itself into the manifest behind the last edit.
    await this.#wal.settleNext();
    await fileSystem.syncFolderAsync(folder);
    const cleanFiles: Record<string, number> = {};
    for (const file of listFiles(fileSystem, folder)) {
      if (file.kind !== "manifest" && file.kind !== "temporary") {
        const handle = fileSystem.open(`${folder}/${file.name}`, "read");
        cleanFiles[file.name] = handle.sizeBytes();
        handle.close();
      }
    }
    // Where there is no room for this edit the next start recovers: nothing is lost.
    await this.tree.change({ cleanFiles }).catch((error: unknown) => this.#events.onBackgroundError(error));
  }

  #logSegments(): number {
    return listFiles(this.#environment.fileSystem, this.#environment.folder).filter(
      (file) => file.kind === "wal",
    ).length;
  }

  #onProgress(): void {
    if (!this.#isClosed) {
      this.#scheduleFlush();
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

function notApplied(error: unknown): FastKVError {
  const { code, message } = toErrorReport(error);
  return new FastKVError(code, message, { writeOutcome: "not-applied", cause: error });
}
