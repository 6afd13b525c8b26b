/**
 * The batch log of an open database: accepts batches in order, writes and syncs their records, and forgets batches that
 * are durable in all shards. `log-format.ts` describes the format.
 */

import { FastKVError, restated } from "../../shared/errors.js";
import type { KnownBatches } from "./known-batches.js";
import { LogFiles } from "./log-files.js";
import { batchBytes, committedLoads, type LoggedBatch } from "./log-format.js";
import { type LogEnvironment, takeBatches } from "./start-file.js";

/** At this size a new file is started. */
const rotateBytes = 32 * 1024 * 1024;
/** From this size on, `trim` starts a new file. */
const trimBytes = 64 * 1024;
/** With this many older files, a full file is replaced by one that makes all of them obsolete. */
const mostOlderFiles = 3;
/** Pause between attempts to write the log while the disk is full. */
const noRoomPauseMs = 500;

interface WaitingBatch {
  batch: LoggedBatch;
  sync: boolean;
  resolve(): void;
  reject(error: FastKVError): void;
}

function nobodyWaits(): void {}

export interface BatchLogOwner {
  nowMs(): number;
  /** The log is written or synced further than before. */
  onProgress(): void;
  /** Whether a shard has its parts up to a sequence number on disk. */
  isDurable(shard: number, sequence: number): boolean;
  /** The log can be neither written nor replaced. The database is read-only from now on. */
  onReadOnly(refusal: FastKVError, ofWaiting: FastKVError): void;
  /** The disk is full. New writes get `refusal`; those after what is missing in the log get `inDoubt`. */
  onNoRoom(refusal: FastKVError, inDoubt: FastKVError): void;
  /** The log again has everything that was missing. */
  onRoom(): void;
  setTimer(call: () => void, delayMs: number): () => void;
}

export class BatchLog implements KnownBatches {
  writtenSequence: number;
  syncedSequence: number;

  readonly #folder: string;
  readonly #files: LogFiles;
  readonly #syncIntervalMs: number;
  readonly #owner: BatchLogOwner;
  /** Batches that are not yet durable in all their shards, in order. */
  #unsettled: LoggedBatch[] = [];
  #waiting: WaitingBatch[] = [];
  /** Written batches whose callers wait for the sync. */
  #unsynced: WaitingBatch[] = [];
  #working: Promise<void> | undefined;
  #lastSequence: number;
  #cancelTimer: (() => void) | undefined;
  #failure: FastKVError | undefined;
  /** Set while the disk has no space for the log. Writing is retried until it has. */
  #outage: FastKVError | undefined;
  #cancelRetry: (() => void) | undefined;
  /** Whether the owner was told of an outage and not yet of its end. */
  #hadNoRoom = false;
  /** Whether the log is being closed: it then no longer waits for disk space. */
  #isLeaving = false;
  /** Whether the file just replaced another and has no batch yet: a failure now is final. */
  #isFresh = false;

  private constructor(
    folder: string,
    files: LogFiles,
    syncIntervalMs: number,
    owner: BatchLogOwner,
    lastSequence: number,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#syncIntervalMs = syncIntervalMs;
    this.#owner = owner;
    this.#lastSequence = lastSequence;
    this.writtenSequence = lastSequence;
    this.syncedSequence = lastSequence;
  }

  /**
   * Starts a new file. All batches up to `lastSequence` must be durable in every shard: the `obsolete` files are
   * removed.
   */
  static async create(
    environment: LogEnvironment,
    syncIntervalMs: number,
    owner: BatchLogOwner,
    lastSequence: number,
    obsolete: readonly number[],
  ): Promise<BatchLog> {
    const files = await LogFiles.create(environment, () => owner.nowMs(), lastSequence, obsolete);
    return new BatchLog(environment.folder, files, syncIntervalMs, owner, lastSequence);
  }

  get unsettledBatches(): number {
    return this.#unsettled.length;
  }

  get sizeBytes(): number {
    return this.#files.sizeBytes;
  }

  /** Later batches, which are not on disk yet, are among `loggedSequences`. */
  get cutSequence(): number {
    return this.syncedSequence;
  }

  loggedSequences(): number[] {
    return this.#unsettled.map((batch) => batch.sequence);
  }

  committedLoads(): string[] {
    return committedLoads(this.#unsettled);
  }

  /** Throws if the log cannot be written, for now or for good. */
  checkWritable(): void {
    const error = this.#failure ?? this.#outage;
    if (error !== undefined) {
      throw error;
    }
  }

  /**
   * Appends a batch. Resolves when its record is written or, with `sync`, on disk. Must be called in order of sequence.
   */
  append(batch: LoggedBatch, sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unsettled.push(batch);
      this.#waiting.push({ batch, sync, resolve, reject });
      this.#lastSequence = batch.sequence;
      this.#work();
    });
  }

  /** Drops batches that are durable everywhere, and files that contain only such batches. */
  prune(): void {
    // A batch of a shard that was given up or waits for disk space keeps only itself.
    this.#unsettled = this.#unsettled.filter((batch) => !this.#isSettled(batch));
    this.#files.removeBelow(this.#unsettled[0]?.sequence ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Starts a new file if this one is large, so that it can be removed as soon as its batches are durable everywhere. If
   * the disk has no space for a new file, or the log has failed, it stays.
   */
  async trim(): Promise<void> {
    this.#trimWanted = this.sizeBytes >= trimBytes;
    while (this.#trimWanted && this.#failure === undefined && this.#outage === undefined) {
      this.#work();
      await this.#working;
    }
    await this.#files.settle();
  }

  /** Requests a sync soon of everything appended so far. */
  requestSync(): void {
    if (this.#failure === undefined && this.syncedSequence < this.#lastSequence) {
      this.#wantedSequence = this.#lastSequence;
      if (this.#outage === undefined) {
        this.#work();
      }
    }
  }

  /** Writes and syncs everything that was appended, before the log is closed. Does not wait for disk space. */
  async drain(): Promise<void> {
    this.#isLeaving = true;
    while (
      this.#failure === undefined &&
      (this.#waiting.length > 0 || this.syncedSequence < this.#lastSequence)
    ) {
      this.#wantedSequence = this.#lastSequence;
      this.#work();
      await this.#working;
    }
  }

  /**
   * For a log that has failed, before it is closed: writes again what is missing on its disk and was accepted by the
   * shards. Rejects if the disk still fails.
   */
  async rescue(): Promise<void> {
    if (this.#failure === undefined || this.syncedSequence === this.#lastSequence) {
      return;
    }
    try {
      await this.#startOver(this.#lastSequence);
    } catch (cause) {
      throw new FastKVError(
        isForWantOfRoom(cause) ? cause.code : this.#failure.code,
        `The batch log in ${this.#folder} could not be written before it was closed (${messageOf(cause)}): the last writes may be lost. Open the database again and see which are there.`,
        { cause, writeOutcome: "in-doubt" },
      );
    }
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#trimWanted = false;
    await this.drain();
    this.#cancelRetry?.();
    await this.#working;
    await this.#files.close();
  }

  /** Everything up to this sequence must be synced soon. */
  #wantedSequence = 0;
  #trimWanted = false;

  get #syncWanted(): boolean {
    return this.#wantedSequence > this.syncedSequence;
  }

  #isSettled({ sequence, parts }: LoggedBatch): boolean {
    return (
      sequence <= this.syncedSequence && parts.every(({ shard }) => this.#owner.isDurable(shard, sequence))
    );
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined;
      if (this.#outage === undefined && (this.#waiting.length > 0 || this.#syncWanted || this.#trimWanted)) {
        this.#work();
      }
    });
  }

  /** Writes what waits, and syncs if requested. Never throws. */
  async #run(): Promise<void> {
    // Batches called in the same turn share a record.
    await Promise.resolve();
    if (this.#outage !== undefined) {
      // No batch was lost meanwhile, so a new file is tried whether or not the current one has taken a batch.
      this.#isFresh = false;
      await this.#replaceFile(this.#outage);
      if (this.#outage !== undefined) {
        return;
      }
    }
    if (this.#failure !== undefined) {
      this.#rejectAll(this.#failure);
      return;
    }
    try {
      await this.#writeWaiting();
      this.#noteRoom();
      if (this.#syncWanted || this.#unsynced.some((waiting) => waiting.sync)) {
        await this.#sync();
      } else if (this.syncedSequence < this.writtenSequence) {
        this.#startTimer();
      }
    } catch (error) {
      await this.#replaceFile(error);
    }
  }

  #noteRoom(): void {
    if (this.#hadNoRoom) {
      this.#hadNoRoom = false;
      this.#owner.onRoom();
    }
  }

  async #writeWaiting(): Promise<void> {
    if (this.sizeBytes >= rotateBytes || this.#trimWanted) {
      await this.#leaveFile();
    }
    // What arrives meanwhile is left to the next run: otherwise, with batches always waiting, syncs and new files would
    // never get a turn.
    for (let left = this.#waiting.length; left > 0; ) {
      const group = takeGroup(this.#waiting);
      left -= group.length;
      try {
        await this.#files.append(group.map((waiting) => waiting.batch));
      } catch (error) {
        this.#waiting = [...group, ...this.#waiting];
        throw error;
      }
      this.#noteWritten(group);
    }
  }

  async #leaveFile(): Promise<void> {
    const isFull = this.sizeBytes >= rotateBytes;
    try {
      await this.#sync();
      if (isFull && this.#files.olderFiles >= mostOlderFiles && this.#unsettledBytes < rotateBytes / 4) {
        await this.#startOver();
      } else if (isFull) {
        await this.#files.rotate(this.writtenSequence);
        this.#noteNewFile();
      } else if (await this.#files.tryToRotate(this.writtenSequence)) {
        this.#noteNewFile();
      }
    } finally {
      // Not earlier: `trim` waits for it.
      this.#trimWanted = false;
    }
  }

  #noteWritten(group: readonly WaitingBatch[]): void {
    this.#isFresh = false;
    this.writtenSequence = group.at(-1)!.batch.sequence;
    for (const waiting of group) {
      if (waiting.sync) {
        this.#unsynced.push(waiting);
      } else {
        waiting.resolve();
      }
    }
    this.#owner.onProgress();
  }

  async #sync(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const target = this.writtenSequence;
    await this.#files.sync();
    this.#noteSynced(target);
  }

  #noteSynced(target: number): void {
    this.syncedSequence = Math.max(this.syncedSequence, target);
    const done = this.#unsynced.filter((waiting) => waiting.batch.sequence <= target);
    this.#unsynced = this.#unsynced.filter((waiting) => waiting.batch.sequence > target);
    for (const waiting of done) {
      waiting.resolve();
    }
    this.#owner.onProgress();
    this.prune();
  }

  #startTimer(): void {
    this.#cancelTimer ??= this.#owner.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#wantedSequence = this.#lastSequence;
      this.#work();
    }, this.#syncIntervalMs);
  }

  #noteNewFile(): void {
    this.#isFresh = false;
    this.prune();
  }

  /**
   * The file cannot be written or synced. All batches that are not yet durable in their shards go into a new file. If
   * that fails too, nothing that spans several shards can be promised any more, or not until there is disk space.
   */
  async #replaceFile(cause: unknown): Promise<void> {
    try {
      if (this.#isFresh) {
        throw cause;
      }
      await this.#startOver();
      this.#isFresh = true;
    } catch (second) {
      if (isForWantOfRoom(second) && !this.#isLeaving) {
        this.#waitForRoom(second);
        return;
      }
      this.#outage = undefined;
      this.#failure = new FastKVError(
        "FASTKV_READ_ONLY",
        `The batch log in ${this.#folder} can be neither written (${messageOf(cause)}) nor replaced (${messageOf(second)}). The database is read-only: close it, make room or repair the disk, and open it again.`,
        { cause, writeOutcome: "not-applied" },
      );
      const ofWaiting = restated(this.#failure, { writeOutcome: "in-doubt" });
      this.#rejectAll(ofWaiting);
      this.#owner.onReadOnly(this.#failure, ofWaiting);
    }
  }

  /**
   * Writes all batches that are not yet durable in their shards to a new file. The other files become obsolete,
   * whatever is at their ends.
   */
  async #startOver(lastSequence = this.writtenSequence): Promise<void> {
    const batches = this.#unsettled.filter((batch) => batch.sequence <= lastSequence);
    await this.#files.startOver(lastSequence, batches);
    this.#outage = undefined;
    this.writtenSequence = lastSequence;
    this.#noteSynced(lastSequence);
  }

  get #unsettledBytes(): number {
    return this.#unsettled.reduce((sum, batch) => sum + batchBytes(batch), 0);
  }

  /**
   * Waiting batches keep their place, since the shards have them: their records are written when there is disk space.
   * Their callers get an error now.
   */
  #waitForRoom(cause: FastKVError): void {
    const message = `The batch log in ${this.#folder} has no room: ${cause.message}`;
    this.#outage = new FastKVError("FASTKV_NO_SPACE", message, { cause, writeOutcome: "not-applied" });
    const inDoubt = restated(this.#outage, { writeOutcome: "in-doubt" });
    for (const waiting of [...this.#waiting, ...this.#unsynced]) {
      waiting.reject(inDoubt);
      waiting.resolve = nobodyWaits;
      waiting.reject = nobodyWaits;
    }
    this.#cancelRetry?.();
    this.#cancelRetry = this.#owner.setTimer(() => {
      this.#cancelRetry = undefined;
      this.#work();
    }, noRoomPauseMs);
    if (!this.#hadNoRoom) {
      this.#hadNoRoom = true;
      this.#owner.onNoRoom(this.#outage, inDoubt);
    }
  }

  #rejectAll(error: FastKVError): void {
    const all = [...this.#waiting, ...this.#unsynced];
    this.#waiting = [];
    this.#unsynced = [];
    this.#wantedSequence = 0;
    this.#trimWanted = false;
    for (const waiting of all) {
      waiting.reject(error);
    }
  }
}

/** Removes from the front of the queue what fits into one record. */
function takeGroup(waiting: WaitingBatch[]): WaitingBatch[] {
  const count = takeBatches(
    waiting.map((one) => one.batch),
    0,
  ).length;
  return waiting.splice(0, count);
}

function isForWantOfRoom(error: unknown): error is FastKVError {
  return error instanceof FastKVError && error.code === "FASTKV_NO_SPACE";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
