/**
 * One shard as the coordinator sees it: operations go in, in the order of the calls, and their outcomes come out.
 *
 * Operations called in one turn travel in one frame. Reads are answered in order, so they need no ids; writes are
 * acknowledged by watermark. What is not yet synced is retained: a shard that dies is started anew and gets it
 * again, and callers see a pause.
 */

import { type ErrorReport, FastKVError, fromErrorReport, invariant } from "../shared/errors.js";
import {
  answerHeaderBytes,
  answerStatus,
  answersHeaderBytes,
  decodeMessage,
  encodeMessage,
  frameType,
  frameTypeOf,
  operationsFlag,
  readAnswersHeader,
  unpackSmall,
} from "../shared/wire/frame.js";
import type {
  HeldSnapshot,
  OpenReply,
  OpenRequest,
  ShardEvent,
  ShardRequest,
} from "../shared/wire/messages.js";
import type { EntryEncoder } from "./entry-encoder.js";
import { FrameBuilder, type FrameStamp, frameForSection } from "./frame-builder.js";
import { KeyScratch } from "./keys.js";
import { Fifo, type PendingRead, type PendingWrite } from "./pending.js";
import { RetainedWrites } from "./retained-writes.js";
import type { ShardLauncher, ShardLink } from "./shard-link.js";

/** What a shard needs to know when it starts. */
export type OpenParameters = Omit<OpenRequest, "type" | "token" | "shardIndex">;

export interface ShardClientOwner {
  nowMs(): number;
  openParameters(shardIndex: number, isFirst: boolean): OpenParameters;
  /** Open snapshots and scans, and the bulk loads whose tables must stay: told to a shard that starts. */
  heldSnapshots(): HeldSnapshot[];
  keptLoads(): string[];
  /** Whether a snapshot or scan is still open. */
  isHeld(holdId: number): boolean;
  /** How far the batch log is written, and how far it is on disk. */
  logWritten(): number;
  logSynced(): number;
  /** Have the batch log synced soon, not only after its interval. */
  wantLogSync(): void;
  /** The shard's processes are to be recorded before one may touch its files. */
  onLaunched(): void;
  /** More of the shard's writes are on disk. */
  onSynced(shardIndex: number): void;
  onEvent(shardIndex: number, event: ShardEvent): void;
  onRestart(shardIndex: number, reason: string): void;
  onFailed(shardIndex: number, error: FastKVError): void;
}

interface PendingRequest {
  request: ShardRequest;
  raw: Buffer | undefined;
  /** Sent again to a restarted shard; else it fails with the shard. */
  isRepeatable: boolean;
  resolve(reply: { meta: unknown; raw: Buffer }): void;
  reject(error: FastKVError): void;
}

/** Retained writes beyond this have the shard sync, so that they can be let go. */
const retainedBudgetBytes = 16 * 1024 * 1024;
/** A promise, its entry in a queue, and what hangs on them. */
const overheadBytesPerOperation = 160;
const overheadBytesPerRequest = 1024;
/** A shard that dies more often than this within the window is given up. */
const maxDeaths = 5;
const deathWindowMs = 30_000;
const firstBackoffMs = 20;
/** Request ids go round from 1 to here; the one above is the opening's. */
const lastRequest = 0xffff_fffe;
const openRequestId = 0xffff_ffff;

export type ShardState = "starting" | "up" | "down" | "failed" | "closed";

export class ShardClient {
  readonly index: number;
  state: ShardState = "starting";
  restarts = 0;
  writtenSequence = 0;
  syncedSequence = 0;
  inFlightBytes = 0;

  readonly #launcher: ShardLauncher;
  readonly #owner: ShardClientOwner;
  readonly #maxInFlightBytes: number;
  #link: ShardLink | undefined;
  #failure: FastKVError | undefined;
  readonly #frame = new FrameBuilder();
  #isFlushScheduled = false;
  readonly #reads = new Fifo<PendingRead>();
  /** Writes that wait to be in the shard's WAL, and those that wait to be on disk; each in order. */
  readonly #writes = new Fifo<PendingWrite>();
  readonly #syncs = new Fifo<PendingWrite>();
  /** Frames on their way, to give their bytes back. */
  readonly #frames = new Fifo<{ lastSequence: number; bytes: number }>();
  readonly #retained = new RetainedWrites();
  /** Sequence numbers of the parts of logged batches here whose records are not yet on disk. */
  readonly #logged = new Fifo<number>();
  readonly #requests = new Map<number, PendingRequest>();
  #nextRequest = 1;
  #confirmedSequence = 0;
  #deaths: number[] = [];
  readonly #scratch = new KeyScratch();
  #recovering: Promise<void> | undefined;

  constructor(index: number, launcher: ShardLauncher, owner: ShardClientOwner, maxInFlightBytes: number) {
    this.index = index;
    this.#launcher = launcher;
    this.#owner = owner;
    this.#maxInFlightBytes = maxInFlightBytes;
  }

  get pid(): number {
    return this.#link?.pid ?? 0;
  }

  get identity(): ShardLink["identity"] {
    return this.#link?.identity;
  }

  get retainedBytes(): number {
    return this.#retained.bytes;
  }

  /** So much is on its way that even who does not care for durability should wait. */
  get isCongested(): boolean {
    return this.inFlightBytes > this.#maxInFlightBytes / 4;
  }

  /** Throws where the shard takes nothing more: it was given up, or too much is on its way. */
  checkAvailable(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    if (this.inFlightBytes > this.#maxInFlightBytes) {
      throw new FastKVError(
        "FASTKV_OVERLOADED",
        `${this.inFlightBytes} bytes are on their way to shard ${this.index}, more than maxInFlightBytes (${this.#maxInFlightBytes}). Await some calls before making more.`,
        { writeOutcome: "not-applied" },
      );
    }
  }

  // Operations, in the order of the calls

  /** One write, the encoder's entry; `pending` undefined: nobody waits for it. */
  write(
    kind: number,
    entry: EntryEncoder,
    sequence: number,
    sync: boolean,
    pending: PendingWrite | undefined,
  ): void {
    this.#frame.write(kind, entry, sequence);
    this.#noteWrite(entry.keyBytes + entry.value.length, sync, pending);
  }

  /** The part of a batch that belongs here. A logged one is acknowledged by the batch log, so nobody waits here. */
  writeBatch(
    section: Buffer,
    sequence: number,
    isLogged: boolean,
    sync: boolean,
    pending?: PendingWrite,
  ): void {
    this.#frame.writeBatch(section, sequence, isLogged);
    if (isLogged) {
      this.#logged.push(sequence);
    }
    this.#noteWrite(section.length, sync, pending);
  }

  /** A bulk load's commit: in a frame of its own. */
  writeSeal(section: Buffer, sequence: number): void {
    this.flush();
    this.#frame.writeBatch(section, sequence, true);
    this.#logged.push(sequence);
    this.#noteWrite(section.length, true, undefined);
    this.#flush(true);
  }

  read(pending: PendingRead, key: Uint8Array, keyBytes: number): void {
    this.#frame.read(key, keyBytes, pending.withValue, pending.snapshot);
    this.#reads.push(pending);
    pending.inFlightBytes = keyBytes + overheadBytesPerOperation;
    this.inFlightBytes += pending.inFlightBytes;
    this.#scheduleFlush();
  }

  /** Sends a request at its place in the order of calls. */
  request(
    request: ShardRequest,
    options: { raw?: Buffer; isRepeatable?: boolean } = {},
  ): Promise<{ meta: unknown; raw: Buffer }> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      if (this.state === "closed") {
        reject(this.#closed());
        return;
      }
      const id = this.#nextRequest;
      this.#nextRequest = id === lastRequest ? 1 : id + 1;
      const { raw, isRepeatable = true } = options;
      const pending = { request, raw, isRepeatable, resolve, reject };
      if (this.state !== "up" && !isRepeatable) {
        reject(this.#lost(request));
        return;
      }
      this.#requests.set(id, pending);
      this.inFlightBytes += overheadBytesPerRequest;
      this.#sendRequest(id, pending);
    });
  }

  /** Sends a message that needs no reply; a restarted shard is told by other means. */
  notify(request: ShardRequest): void {
    if (this.state === "up") {
      this.flush();
      this.#link?.send(encodeMessage(frameType.request, 0, request));
    }
  }

  /** Sends what was gathered, now. */
  flush(): void {
    this.#flush(false);
  }

  /** Tells the shard how far the batch log has come, and lets go what waited for it here. */
  noteLogProgress(): void {
    this.#settleWrites();
    const synced = this.#owner.logSynced();
    let isNews = false;
    for (
      let first = this.#logged.peek();
      first !== undefined && first <= synced;
      first = this.#logged.peek()
    ) {
      this.#logged.shift();
      isNews = true;
    }
    if (isNews && this.state === "up") {
      this.#sendEmptyFrame(0);
    }
  }

  /** Resolves when every write up to `sequence` is on disk in the shard. */
  sync(sequence: number): Promise<void> {
    if (this.syncedSequence >= sequence) {
      return Promise.resolve();
    }
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    return new Promise((resolve, reject) => {
      this.#syncs.push({ sequence, isBarrier: true, resolve, reject });
      this.#wantLogSync();
      this.#frame.wantsSync = true;
      this.flush();
      if (this.state === "up") {
        this.#sendEmptyFrame(operationsFlag.sync);
      }
    });
  }

  get isIdle(): boolean {
    return (
      this.#frame.isEmpty && this.#reads.length === 0 && this.#writes.length === 0 && this.#syncs.length === 0
    );
  }

  /** Resolves when everything that was called before has its outcome. */
  async drain(): Promise<void> {
    this.flush();
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  #onIdle: (() => void) | undefined;

  #checkIdle(): void {
    if (this.#onIdle !== undefined && (this.isIdle || this.state === "failed")) {
      this.#onIdle();
      this.#onIdle = undefined;
    }
  }

  // Life

  /** Starts the process; it touches no file before `open`. */
  async launch(): Promise<void> {
    this.#link = await this.#launcher.launch(this.index, {
      onFrames: (frames) => this.#receive(frames),
      onDown: (reason) => this.#onDown(reason),
    });
  }

  /** Opens the shard's files. The shard serves, but keeps all versions, until `resume`. */
  async open(isFirst: boolean): Promise<OpenReply> {
    const link = this.#link;
    invariant(link !== undefined, "a shard is launched before it is opened");
    const parameters = this.#owner.openParameters(this.index, isFirst);
    const { meta } = await new Promise<{ meta: unknown; raw: Buffer }>((resolve, reject) => {
      const request: OpenRequest = {
        ...parameters,
        type: "open",
        token: link.openToken,
        shardIndex: this.index,
      };
      const pending = { request, raw: undefined, isRepeatable: false, resolve, reject };
      this.#requests.set(openRequestId, pending);
      link.send(encodeMessage(frameType.request, openRequestId, request));
    });
    return meta as OpenReply;
  }

  /** Tells what is held, then sends what was retained and is still unanswered. */
  resume(lastSequence: number): void {
    const link = this.#link!;
    this.writtenSequence = Math.max(this.writtenSequence, lastSequence);
    this.syncedSequence = Math.max(this.syncedSequence, lastSequence);
    this.#retained.forget(lastSequence);
    this.#giveBytesBack();
    const request: ShardRequest = {
      type: "resume",
      holds: this.#owner.heldSnapshots(),
      committedLoads: this.#owner.keptLoads(),
    };
    link.send(encodeMessage(frameType.request, 0, request));
    for (const retained of this.#retained.sections()) {
      const flags = operationsFlag.sync | operationsFlag.resent | (retained.isSeal ? operationsFlag.seal : 0);
      link.send(frameForSection(retained, this.#stamp(flags)));
    }
    this.state = "up";
    this.#repeatReads();
    for (const [id, pending] of this.#requests) {
      this.#repeatRequest(id, pending);
    }
    // Says how far the batch log is on disk: flushes of what was recovered wait for it.
    this.#sendEmptyFrame(0);
    this.#settleWrites();
    this.#owner.onSynced(this.index);
  }

  /** Ends the shard cleanly: it has synced and closed everything when this resolves. */
  async close(): Promise<void> {
    if (this.state !== "failed") {
      await this.request({ type: "close" });
    }
    this.state = "closed";
    await this.kill();
  }

  async kill(): Promise<void> {
    if (this.state !== "failed") {
      this.state = "closed";
    }
    await this.#link?.kill();
    this.#rejectAll(this.#closed(), this.#closed());
    await this.#recovering;
  }

  /** Fails everything that waits, for good. */
  fail(error: FastKVError): void {
    if (this.#failure !== undefined) {
      return;
    }
    this.#failure = error;
    this.state = "failed";
    const inDoubt = new FastKVError(error.code, error.message, { cause: error, writeOutcome: "in-doubt" });
    this.#rejectAll(error, inDoubt);
    this.#retained.clear();
    this.#checkIdle();
  }

  /**
   * The batch log is lost: a write behind a part of a batch that it does not have will never be as durable as it
   * was to be.
   */
  failBehindLog(error: FastKVError): void {
    const written = this.#bound(this.#owner.logWritten());
    const synced = this.#bound(this.#owner.logSynced());
    this.#rejectWrites(this.#writes, error, ({ sequence }) => sequence > written);
    this.#rejectWrites(this.#syncs, error, ({ sequence }) => sequence > synced);
    this.#checkIdle();
  }

  #rejectAll(error: FastKVError, ofWrites: FastKVError): void {
    for (const read of this.#reads.takeAll()) {
      read.onError(error);
    }
    for (const write of [...this.#writes.takeAll(), ...this.#syncs.takeAll()]) {
      write.reject(ofWrites);
    }
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) {
      request.reject(error);
    }
    this.inFlightBytes = 0;
    this.#frameBytes = 0;
  }

  #rejectWrites(
    queue: Fifo<PendingWrite>,
    error: FastKVError,
    isConcerned: (write: PendingWrite) => boolean,
  ): void {
    for (const write of queue.takeAll()) {
      if (isConcerned(write)) {
        write.reject(error);
      } else {
        queue.push(write);
      }
    }
  }

  // Sending

  #noteWrite(bytes: number, sync: boolean, pending: PendingWrite | undefined): void {
    this.inFlightBytes += bytes + overheadBytesPerOperation;
    this.#frameBytes += bytes + overheadBytesPerOperation;
    if (sync) {
      this.#frame.wantsSync = true;
      this.#wantLogSync();
    }
    if (pending !== undefined) {
      (sync ? this.#syncs : this.#writes).push(pending);
    }
    this.#scheduleFlush();
  }

  /** A synced write is acknowledged only when the batches before it have their records on disk. */
  #wantLogSync(): void {
    if (this.#logged.length > 0) {
      this.#owner.wantLogSync();
    }
  }

  /** What the writes of the current frame count in `inFlightBytes`. */
  #frameBytes = 0;

  #scheduleFlush(): void {
    if (this.#frame.isFull) {
      this.flush();
    } else if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      process.nextTick(this.#flushScheduled);
    }
  }

  readonly #flushScheduled = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };

  #flush(isSeal: boolean): void {
    const frame = this.#frame;
    if (frame.isEmpty) {
      return;
    }
    if (this.state === "failed") {
      this.#failUnsent();
      return;
    }
    const { firstSequence, lastSequence, hasLogged, wantsSync } = frame;
    const mustSync = wantsSync || this.#retained.bytes > retainedBudgetBytes;
    const built = frame.take(
      this.#stamp((mustSync ? operationsFlag.sync : 0) | (isSeal ? operationsFlag.seal : 0)),
    );
    if (built.section.length > 0) {
      this.#retained.add({ section: built.section, firstSequence, lastSequence, isSeal, hasLogged });
      this.#frames.push({ lastSequence, bytes: this.#frameBytes });
      this.#frameBytes = 0;
    }
    if (this.state === "up") {
      this.#link!.send(built.frame);
    }
  }

  /** Operations that were called in the turn in which the shard was given up. */
  #failUnsent(): void {
    this.#frame.take(this.#stamp(0));
    this.#rejectAll(this.#failure!, this.#failure!);
  }

  #stamp(flags: number): FrameStamp {
    return {
      flags,
      timeMs: this.#owner.nowMs(),
      logSyncedSequence: this.#owner.logSynced(),
      confirmedSequence: this.#confirmedSequence,
    };
  }

  #sendEmptyFrame(flags: number): void {
    this.flush();
    const empty = { section: Buffer.alloc(0), firstSequence: 0, lastSequence: 0 };
    this.#link!.send(frameForSection(empty, this.#stamp(flags)));
  }

  #sendRequest(id: number, pending: PendingRequest): void {
    this.flush();
    if (this.state === "up") {
      this.#link!.send(encodeMessage(frameType.request, id, pending.request, pending.raw));
    }
  }

  /** After a restart. A scan that was left meanwhile must not take its hold again: nobody would give it back. */
  #repeatRequest(id: number, pending: PendingRequest): void {
    const { request } = pending;
    if (request.type === "page" && !this.#owner.isHeld(request.holdId)) {
      this.#forgetRequest(id);
      pending.reject(this.#closed());
    } else {
      this.#sendRequest(id, pending);
    }
  }

  #forgetRequest(id: number): void {
    if (this.#requests.delete(id) && id !== openRequestId) {
      this.inFlightBytes = Math.max(0, this.inFlightBytes - overheadBytesPerRequest);
    }
  }

  /** After a restart: the reads that were not answered, in their order, behind all retained writes. */
  #repeatReads(): void {
    const unanswered = this.#reads.takeAll();
    for (const read of unanswered) {
      const repeat = read.onRestart();
      if (repeat) {
        const length = this.#scratch.set(read.key);
        this.#frame.read(this.#scratch.buffer, length, read.withValue, read.snapshot);
        this.#reads.push(read);
      } else {
        this.#releaseRead(read);
      }
    }
  }

  // Receiving

  #receive(frames: Buffer[]): void {
    for (const frame of frames) {
      if (frameTypeOf(frame) === frameType.answers) {
        this.#onAnswers(frame);
      } else {
        this.#onMessage(frame);
      }
    }
    this.#checkIdle();
  }

  #onAnswers(frame: Buffer): void {
    const header = readAnswersHeader(frame);
    let at = answersHeaderBytes + header.reportBytes;
    if (header.refusedTo > 0) {
      const report = unpackSmall(frame.subarray(answersHeaderBytes, at)) as ErrorReport;
      this.#onRefusal(header.refusedFrom, header.refusedTo, fromErrorReport(report));
    }
    this.writtenSequence = Math.max(this.writtenSequence, header.writtenSequence);
    if (header.syncedSequence > this.syncedSequence) {
      this.syncedSequence = header.syncedSequence;
      this.#retained.forget(header.syncedSequence);
      this.#owner.onSynced(this.index);
    }
    this.#giveBytesBack();
    this.#settleWrites();
    for (let answer = 0; answer < header.answers; answer++) {
      at = this.#onAnswer(frame, at);
    }
  }

  #onAnswer(frame: Buffer, at: number): number {
    const valueStart = at + answerHeaderBytes;
    const valueEnd = valueStart + frame.readUInt32LE(at + 4);
    const read = this.#reads.shift();
    invariant(read !== undefined && valueEnd <= frame.length, "each answer belongs to a read");
    this.#releaseRead(read);
    switch (frame[at]) {
      case answerStatus.missing:
        read.onMissing();
        break;
      case answerStatus.found:
        read.onFound(frame[at + 1]!, frame, valueStart, valueEnd, frame.readDoubleLE(at + 8));
        break;
      default:
        read.onError(fromErrorReport(unpackSmall(frame.subarray(valueStart, valueEnd)) as ErrorReport));
    }
    return valueEnd;
  }

  #releaseRead(read: PendingRead): void {
    this.inFlightBytes = Math.max(0, this.inFlightBytes - read.inFlightBytes);
  }

  #giveBytesBack(): void {
    for (let first = this.#frames.peek(); first !== undefined; first = this.#frames.peek()) {
      if (first.lastSequence > this.writtenSequence) {
        return;
      }
      this.#frames.shift();
      this.inFlightBytes = Math.max(0, this.inFlightBytes - first.bytes);
    }
  }

  #onRefusal(from: number, to: number, error: FastKVError): void {
    this.#confirmedSequence = Math.max(this.#confirmedSequence, to);
    this.#retained.refuse(from, to);
    for (const queue of [this.#writes, this.#syncs]) {
      this.#rejectWrites(queue, error, ({ sequence, isBarrier }) => {
        return isBarrier !== true && sequence >= from && sequence <= to;
      });
    }
  }

  /**
   * Acknowledges writes. Nothing behind a part of a logged batch is acknowledged before the batch's record is as
   * durable as the acknowledgement says.
   */
  #settleWrites(): void {
    const written = Math.min(this.writtenSequence, this.#bound(this.#owner.logWritten()));
    for (let first = this.#writes.peek(); first !== undefined && first.sequence <= written; ) {
      this.#writes.shift();
      first.resolve();
      first = this.#writes.peek();
    }
    const synced = Math.min(this.syncedSequence, this.#bound(this.#owner.logSynced()));
    for (let first = this.#syncs.peek(); first !== undefined && first.sequence <= synced; ) {
      this.#syncs.shift();
      first.resolve();
      first = this.#syncs.peek();
    }
    this.#checkIdle();
  }

  /** The last sequence number before the first logged part here that the log does not have. */
  #bound(logSequence: number): number {
    if (this.#logged.length === 0) {
      return Number.POSITIVE_INFINITY;
    }
    for (const sequence of this.#logged) {
      if (sequence > logSequence) {
        return sequence - 1;
      }
    }
    return Number.POSITIVE_INFINITY;
  }

  #onMessage(frame: Buffer): void {
    const { type, id, meta, raw } = decodeMessage(frame);
    if (type === frameType.event) {
      this.#owner.onEvent(this.index, meta as ShardEvent);
      return;
    }
    const pending = this.#requests.get(id);
    if (pending === undefined) {
      return;
    }
    this.#forgetRequest(id);
    if (type === frameType.reply) {
      pending.resolve({ meta, raw });
    } else {
      pending.reject(fromErrorReport(meta as ErrorReport));
    }
  }

  // Supervision

  #lost(request: ShardRequest): FastKVError {
    return new FastKVError(
      "FASTKV_SHARD_UNAVAILABLE",
      `Shard ${this.index} ended during "${request.type}"; try again`,
      { writeOutcome: "not-applied" },
    );
  }

  #closed(): FastKVError {
    return new FastKVError("FASTKV_CLOSED", "The database was closed", { writeOutcome: "in-doubt" });
  }

  #onDown(reason: string): void {
    if (this.state === "closed" || this.state === "failed") {
      return;
    }
    const wasStarting = this.state === "starting";
    this.state = "down";
    for (const [id, pending] of this.#requests) {
      if (!pending.isRepeatable) {
        this.#forgetRequest(id);
        pending.reject(this.#lost(pending.request));
      }
    }
    if (wasStarting || this.#recovering !== undefined) {
      return;
    }
    this.#startRecovery(reason);
  }

  #startRecovery(reason: string): void {
    this.#recovering = this.#recover(reason).finally(() => {
      this.#recovering = undefined;
      if (this.state === "down") {
        this.#startRecovery("ended as soon as it served");
      }
    });
  }

  /** Starts the shard anew, with growing pauses, until it serves or has died too often. */
  async #recover(reason: string): Promise<void> {
    let lastReason = reason;
    for (;;) {
      await this.#link?.kill();
      const now = performance.now();
      this.#deaths = [...this.#deaths.filter((time) => now - time < deathWindowMs), now];
      if (this.#deaths.length > maxDeaths) {
        const error = new FastKVError(
          "FASTKV_SHARD_UNAVAILABLE",
          `Shard ${this.index} died ${this.#deaths.length} times within ${deathWindowMs / 1000} s (last: it ${lastReason}). Close the database, see to the cause, and open it again.`,
        );
        this.fail(error);
        this.#owner.onFailed(this.index, error);
        return;
      }
      if (this.#deaths.length > 1) {
        await new Promise((resolve) => setTimeout(resolve, firstBackoffMs * 2 ** this.#deaths.length));
      }
      if (this.#isClosing()) {
        return;
      }
      this.#owner.onRestart(this.index, lastReason);
      this.restarts += 1;
      try {
        await this.launch();
        if (this.#isClosing()) {
          await this.#link?.kill();
          return;
        }
        this.#owner.onLaunched();
        const reply = await this.open(false);
        this.resume(reply.lastSequence);
        return;
      } catch (error) {
        if (error instanceof FastKVError && error.code === "FASTKV_CORRUPTION") {
          await this.#link?.kill();
          this.fail(error);
          this.#owner.onFailed(this.index, error);
          return;
        }
        if (this.#isClosing()) {
          return;
        }
        lastReason = error instanceof Error ? error.message : String(error);
      }
    }
  }

  #isClosing(): boolean {
    return this.state === "closed";
  }
}
