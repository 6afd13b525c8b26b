/**
 * The internals of a database: owns the folder, starts the shards, numbers every write, and holds what spans shards
 * (snapshots, the batch log, the caches). It works on encoded keys and values; fastkv.ts is the public API.
 */

import { corruption, FastKVError } from "../shared/errors.js";
import type { ReadPoint } from "../shared/read-point.js";
import type { FileSystem } from "../shared/storage/file-system.js";
import type { FileSystemSpace } from "../shared/storage/file-system-space.js";
import { encodeMessage, frameType } from "../shared/wire/frame.js";
import type {
  HeldSnapshot,
  RecoverySummary,
  ShardEvent,
  ShardRequest,
  ShardStatistics,
} from "../shared/wire/messages.js";
import type { PageRequest } from "../shared/wire/page.js";
import { applyLogged } from "./batch-log/apply-logged.js";
import { BatchWrites, type BatchWritesOwner } from "./batch-log/batch-writes.js";
import { batchesOf, type KnownBatches } from "./batch-log/known-batches.js";
import { hasBatchLog, type LoadedBatchLog, loadBatchLog } from "./batch-log/load-batch-log.js";
import { Caches } from "./cache/caches.js";
import type { KnownPages } from "./cache/scan-cache.js";
import type { ResolvedOptions } from "./calls/options.js";
import { asReadError } from "./calls/refusals.js";
import { Clock } from "./clock.js";
import { PageReader } from "./encoding/page-reader.js";
import type { ScanPage } from "./encoding/scan-page.js";
import { TurnLimit } from "./event-loop/turn-limit.js";
import { EventHub } from "./events/event-hub.js";
import { type SpaceWatch, watchSpace } from "./events/space-watch.js";
import { prepareFolder } from "./ownership/database-folder.js";
import { type Identity, writeIdentity } from "./ownership/identity-file.js";
import { openIdentity } from "./ownership/open-identity.js";
import { acquireOwnership } from "./ownership/owner-lock.js";
import type { Ownership } from "./ownership/ownership.js";
import { shardFolderName } from "./ownership/shard-folders.js";
import type { Keeping, ScanHost, ScanRequest } from "./scan/merged-scan.js";
import { ShardClient, type ShardClientOwner } from "./shards/shard-client.js";
import { type OpenParameters, ShardLifecycle, type ShardLifecycleOwner } from "./shards/shard-lifecycle.js";
import type { ShardLauncher } from "./shards/shard-link.js";
import { shardSettings } from "./shards/shard-settings.js";
import { OpenHolds } from "./snapshot/open-holds.js";
import { Topology } from "./topology.js";

/** Returning this many bytes of a scan from memory takes about as long as a cached get. */
const bytesPerAnswer = 1024;

/** While the database closes, shards are checked at this interval for writes that wait for disk space. */
const leavePauseMs = 100;

/** What a database runs on: real files and processes or, in tests, a simulated disk and shards in this process. */
export interface DatabaseEnvironment {
  fileSystem: FileSystem;
  startLauncher(): Promise<ShardLauncher>;
  now?: () => number;
  /** Throws `FASTKV_UNSAFE_FOLDER` for a folder that other users may change. */
  checkFolder?(folder: string): void;
  /** Measures the free disk space. Left out if that is not needed. */
  measureSpace?(folder: string): Promise<FileSystemSpace>;
}

export class Database implements ScanHost, ShardClientOwner, ShardLifecycleOwner, BatchWritesOwner {
  readonly folder: string;
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly caches: Caches;
  readonly turns = new TurnLimit();
  readonly clock: Clock;
  readonly clients: ShardClient[] = [];
  readonly lifecycles: ShardLifecycle[] = [];
  readonly batches: BatchWrites;

  /** The last sequence number assigned to a write. */
  sequence = 0;
  readonly events: EventHub;

  /** Undefined if the free space is not watched. */
  readonly space: SpaceWatch | undefined;

  readonly #environment: DatabaseEnvironment;
  readonly #ownership: Ownership;
  #identity: Identity;
  #launcher: ShardLauncher | undefined;
  readonly holds = new OpenHolds({
    tell: (hold) => this.#tellHold(hold),
    giveBack: (id) => this.#giveBackHold(id),
  });
  #closing: Promise<void> | undefined;
  readonly #openedAtMs: number;

  private constructor(
    folder: string,
    options: ResolvedOptions,
    environment: DatabaseEnvironment,
    owned: { ownership: Ownership; identity: Identity; batches: KnownBatches; clock: Clock },
    openedAtMs: number,
  ) {
    this.#openedAtMs = openedAtMs;
    this.folder = folder;
    this.options = options;
    this.#environment = environment;
    this.#ownership = owned.ownership;
    this.#identity = owned.identity;
    this.batches = new BatchWrites(this.clients, owned.batches, this);
    this.clock = owned.clock;
    this.topology = new Topology(owned.identity.shards);
    this.caches = new Caches(options, owned.identity.shards);
    this.events = new EventHub(options.logger, (shard) => this.lifecycles[shard]?.identity?.pid);
    this.space = watchSpace(this, environment);
  }

  /** Opens or creates the database in `folder`, which must be an absolute path. */
  static async open(
    folder: string,
    options: ResolvedOptions,
    environment: DatabaseEnvironment,
  ): Promise<Database> {
    const { fileSystem } = environment;
    const openedAtMs = performance.now();
    prepareFolder(fileSystem, folder, { createIfMissing: options.createIfMissing });
    environment.checkFolder?.(folder);
    const clock = new Clock(environment.now);
    const ownership = await acquireOwnership(fileSystem, folder, {
      clock: () => clock.now(),
      ...(options.runtimeFolder === undefined ? {} : { runtimeParent: options.runtimeFolder }),
    });
    let database: Database | undefined;
    try {
      clock.noteSeen(ownership.previousTimeMs);
      const wanted = { shards: options.shards, epoch: ownership.epoch, nowMs: clock.now() };
      const identity = openIdentity(fileSystem, folder, wanted);
      if (options.errorIfExists && identity.initialized) {
        throw new FastKVError(
          "FASTKV_EXISTS",
          `A database exists in ${folder} already. Choose another path, or open it without errorIfExists.`,
        );
      }
      if (identity.epoch >= ownership.epoch) {
        ownership.raiseEpoch(identity.epoch + 1);
      }
      // A new database writes its identity last: if the identity is outdated, the batch log exists.
      const loadedLog =
        identity.initialized || hasBatchLog(fileSystem, folder)
          ? loadBatchLog(fileSystem, folder, identity.databaseId)
          : emptyLog();
      clock.noteSeen(loadedLog.timeMs);
      const batches = batchesOf(loadedLog);
      database = new Database(
        folder,
        options,
        environment,
        { ownership, identity, batches, clock },
        openedAtMs,
      );
      await database.#start(loadedLog);
      database.#onOpened();
      return database;
    } catch (error) {
      // The first failure matters more than a failure now.
      await database?.abandon().catch(() => undefined);
      ownership.releaseQuietly();
      throw error;
    }
  }

  #onOpened(): void {
    const durationMs = performance.now() - this.#openedAtMs;
    this.events.tell({ type: "opened", path: this.folder, shards: this.shardCount, durationMs });
    this.space?.start();
  }

  get shardCount(): number {
    return this.topology.shards;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new FastKVError(
        "FASTKV_CLOSED",
        `The database in ${this.folder} is closed. Open it again to use it.`,
      );
    }
  }

  /** Assigns a sequence number, for a write that is sent to its shards in this same turn. */
  nextSequence(): number {
    this.sequence += 1;
    return this.sequence;
  }

  // Reads over all shards

  point(): ReadPoint {
    return { sequence: this.sequence, timeMs: this.clock.now() };
  }

  #tellHold(hold: HeldSnapshot): void {
    if (!this.isClosed) {
      const frame = encodeMessage(frameType.request, 0, { type: "hold", ...hold });
      for (const client of this.clients) {
        client.sendHold(frame);
      }
    }
  }

  #giveBackHold(id: number): void {
    if (!this.isClosed) {
      for (const client of this.clients) {
        client.release(id);
      }
    }
  }

  known(shard: number, { range, reverse, limit, point }: ScanRequest): KnownPages | undefined {
    return this.caches.scans.find(shard, range, reverse, limit, point.timeMs);
  }

  mark(shard: number): number {
    return this.caches.scans.mark(shard);
  }

  bytesFromMemory(bytes: number): Promise<void> {
    return this.turns.answerLarge(undefined, bytes / bytesPerAnswer);
  }

  async page(shard: number, request: PageRequest, keeping?: Keeping): Promise<ScanPage> {
    // Otherwise the shard would take the hold again, and it would never be released.
    if (!this.holds.noteAnnounced(request.holdId)) {
      throw new FastKVError("FASTKV_CLOSED", "The scan has ended. Start another one to read on.");
    }
    const { raw } = await this.clients[shard]!.request(request).catch(rejectRead);
    const kept =
      keeping === undefined
        ? undefined
        : this.caches.scans.keep(shard, request, keeping.mark, raw, keeping.decode);
    return kept ?? new PageReader(raw);
  }

  request(
    shard: number,
    request: ShardRequest,
    options: { raw?: Buffer; isRepeatable: boolean },
  ): Promise<{ meta: unknown; raw: Buffer }> {
    return this.clients[shard]!.request(request, options);
  }

  /** Throws when pending requests exceed the limit. Other kinds of calls do not count. */
  #checkRequests(): void {
    try {
      for (const client of this.clients) {
        client.checkRequests();
      }
    } catch (error) {
      rejectRead(error);
    }
  }

  /** Flushes all memtables, or compacts everything, and then trims the batch log. */
  async writeOut(type: "flush" | "compact"): Promise<void> {
    this.#checkRequests();
    // Before the log is synced, memtables with parts of batches cannot be flushed.
    this.wantLogSync();
    const timeMs = this.clock.now();
    await Promise.all(this.clients.map((client) => client.request({ type, timeMs }))).catch(rejectRead);
    await this.batches.trim();
  }

  /** `shards` is by index; for a shard that was given up it has the error. */
  async statistics(): Promise<{
    shards: (ShardStatistics | FastKVError)[];
    uptimeMs: number;
  }> {
    this.#checkRequests();
    const shards = await Promise.all(
      this.clients.map((client) =>
        client.request({ type: "stats" }).then(
          ({ meta }) => meta as ShardStatistics,
          (error: FastKVError) =>
            this.lifecycles[client.index]!.state === "failed" ? error : rejectRead(error),
        ),
      ),
    );
    return { shards, uptimeMs: performance.now() - this.#openedAtMs };
  }

  // Lifecycle

  /**
   * Refuses new calls from now on, waits for earlier calls (and for `underWay`, calls that take several requests), then
   * ends every process and releases the folder.
   */
  close(underWay: readonly Promise<unknown>[]): Promise<void> {
    this.#closing ??= this.#close(underWay);
    return this.#closing;
  }

  async #close(underWay: readonly Promise<unknown>[]): Promise<void> {
    const startMs = performance.now();
    this.space?.stop();
    const failures: unknown[] = [];
    for (const step of [
      () => this.#finish(underWay),
      () => this.#end(),
      async () => this.#ownership.release(this.clock.now()),
    ]) {
      await step().catch((error: unknown) => failures.push(error));
    }
    this.events.tell({ type: "closed", path: this.folder, durationMs: performance.now() - startMs });
    if (failures.length > 0) {
      throw failures[0];
    }
  }

  /** Gives every call its outcome, and writes everything to disk. */
  async #finish(underWay: readonly Promise<unknown>[]): Promise<void> {
    await this.#leaveShards(Promise.allSettled(underWay));
    await Promise.all(this.clients.map((client) => client.drain()));
    await this.batches.drain();
    const rescued = this.batches.rescue();
    await Promise.allSettled([rescued]);
    // A memtable with a part of a batch that has no record in the log is not flushed.
    const atOnce = this.batches.hasOutage;
    await allOrFirstError(this.lifecycles.map((shard) => shard.close({ atOnce })));
    await rescued;
    await this.batches.trim();
  }

  /** Pending work may hit a full disk at any time; close must not wait for that. */
  async #leaveShards(underWay: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = underWay.then(() => {
      isOver = true;
    });
    do {
      await Promise.all(this.lifecycles.map((shard) => shard.leave()));
      await within(over, leavePauseMs);
    } while (!isOver);
    await Promise.all(this.lifecycles.map((shard) => shard.leave()));
  }

  /** Opening failed: ends whatever was started. */
  private async abandon(): Promise<void> {
    this.#closing = Promise.resolve();
    await this.#end();
  }

  /**
   * Ends what still runs. A shard that could not be closed has written what it accepted, and recovers as after a crash.
   */
  async #end(): Promise<void> {
    await Promise.all(this.lifecycles.map((shard) => shard.kill()));
    await this.#launcher?.close();
    await this.batches.close();
  }

  /**
   * A complete database has all shard folders. A missing one is not recreated, so that `verify` and `repair` can detect
   * it.
   */
  #checkShardFolders(): void {
    for (let index = 0; this.#identity.initialized && index < this.shardCount; index++) {
      const folder = `${this.folder}/${shardFolderName(index)}`;
      if (!this.#environment.fileSystem.exists(folder)) {
        throw corruption(folder, undefined, "the folder of a shard is missing");
      }
    }
  }

  async #start(loadedLog: LoadedBatchLog): Promise<void> {
    const { fileSystem } = this.#environment;
    this.#checkShardFolders();
    this.#launcher = await this.#environment.startLauncher();
    this.#ownership.recordShards([], this.#launcher.runtimeFolder);
    for (let index = 0; index < this.shardCount; index++) {
      fileSystem.makeFolder(`${this.folder}/${shardFolderName(index)}`);
      const client = new ShardClient(index, this, this.options.maxInFlightBytes);
      this.clients.push(client);
      this.lifecycles.push(new ShardLifecycle(client, this.#launcher, this));
    }
    fileSystem.syncFolder(this.folder);
    await allOrFirstError(this.lifecycles.map((shard) => shard.launch()));
    this.onLaunched();
    const replies = await allOrFirstError(this.lifecycles.map((shard) => shard.open(true)));
    this.sequence = Math.max(loadedLog.lastSequence, ...replies.map((reply) => reply.lastSequence));
    for (const reply of replies) {
      this.clock.noteSeen(reply.timeMs);
    }
    replies.forEach((reply, index) => {
      this.lifecycles[index]!.resume(reply.lastSequence);
    });
    const lastSequences = replies.map((reply) => reply.lastSequence);
    await applyLogged(this.clients, loadedLog.batches, lastSequences);
    const environment = {
      fileSystem,
      folder: this.folder,
      databaseId: this.#identity.databaseId,
      epoch: this.#ownership.epoch,
    };
    await this.batches.start(environment, this.options.syncInterval, this.sequence, loadedLog.files);
    if (!this.#identity.initialized) {
      this.#identity = { ...this.#identity, initialized: true };
      writeIdentity(fileSystem, this.folder, this.#identity);
    }
  }

  // Called by batches, clients and shard lifecycles

  nowMs(): number {
    return this.clock.now();
  }

  openParameters(shardIndex: number, isFirst: boolean): OpenParameters {
    const { known } = this.batches;
    return {
      folder: `${this.folder}/${shardFolderName(shardIndex)}`,
      databaseId: this.#identity.databaseId,
      epoch: this.#ownership.epoch,
      create: isFirst && !this.#identity.initialized,
      // While the coordinator lives, each batch it knows of has a record in the log, or will have one. But only the
      // records up to `logCutSequence` are on disk, which a flush waits for.
      logCutSequence: known.cutSequence,
      loggedSequences: known.loggedSequences(),
      logSyncedSequence: known.syncedSequence,
      settings: shardSettings(this.options),
    };
  }

  announceHolds(): void {
    this.holds.announceDeferred();
  }

  isHeld(holdId: number): boolean {
    return this.holds.has(holdId);
  }

  heldSnapshots(): HeldSnapshot[] {
    return this.holds.list();
  }

  keptLoads(): string[] {
    return this.batches.keptLoads();
  }

  logWritten(): number {
    return this.batches.known.writtenSequence;
  }

  hasLogOutage(): boolean {
    return this.batches.hasOutage;
  }

  logSynced(): number {
    return this.batches.known.syncedSequence;
  }

  wantLogSync(): void {
    this.batches.requestSync();
  }

  onLaunched(): void {
    const identities = this.lifecycles
      .map(({ identity }) => identity)
      .filter((identity) => identity !== undefined);
    this.#ownership.recordShards(identities, this.#launcher!.runtimeFolder);
  }

  onSynced(): void {
    this.batches.prune();
  }

  onEvent(shard: number, event: ShardEvent): void {
    this.events.tell({ shard, ...event });
  }

  onRestart(shard: number, reason: string): void {
    this.events.tell({ type: "shard-restart", shard, reason });
  }

  onReady(shard: number, durationMs: number, recovery: RecoverySummary): void {
    this.events.tell({ type: "shard-ready", shard, durationMs, recovery });
  }

  onReadOnly(error: FastKVError): void {
    this.events.tell({ type: "read-only", error });
  }

  onFailed(shard: number, error: FastKVError): void {
    this.events.tell({ type: "shard-failed", shard, error });
  }
}

function rejectRead(error: unknown): never {
  throw asReadError(error);
}

/** Waits for all promises, so that nothing is still starting when the first error is thrown. */
async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Resolves with `promise`, or after `ms`. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function emptyLog(): LoadedBatchLog {
  return { cutSequence: 0, batches: [], loads: [], timeMs: 0, lastSequence: 0, files: [] };
}
