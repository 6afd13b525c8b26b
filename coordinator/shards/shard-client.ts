/**
 * The coordinator's view of one shard: takes operations in the order of calls, and returns their outcomes.
 *
 * Operations called in one turn are sent in one frame. Reads are answered in order and need no ids; writes are
 * acknowledged by watermark. Writes that are not yet synced are retained: when a shard dies, it is restarted (see
 * `ShardLifecycle`) and gets them again, and callers see a pause.
 */

import { type ErrorReport, type FastKVError, fromErrorReport } from "../../shared/errors.js";
import {
  answersHeaderBytes,
  decodeMessage,
  encodeMessage,
  frameType,
  frameTypeOf,
  operationsFlag,
  readAnswersHeader,
  unpackSmall,
} from "../../shared/wire/frame.js";
import type {
  HeldSnapshot,
  OpenReply,
  OpenRequest,
  ShardEvent,
  ShardRequest,
} from "../../shared/wire/messages.js";
import { encodePageRequest, pageIdOf } from "../../shared/wire/page.js";
import { KeyScratch } from "../calls/keys.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";
import { GatheredIds } from "../event-loop/gathered-ids.js";
import { AnswerReader } from "./answer-reader.js";
import { type FrameStamp, frameForSection } from "./frame-builder.js";
import { Inbox } from "./inbox.js";
import { Outbox } from "./outbox.js";
import type { PendingRead, PendingWrite } from "./pending.js";
import { PendingReads } from "./pending-reads.js";
import {
  type AnyRequest,
  lostRequest,
  openingId,
  type PendingRequest,
  PendingRequests,
  type Reply,
} from "./pending-requests.js";
import { PendingWrites, type WriteMarks } from "./pending-writes.js";
import { closedError, inDoubt, overloadError } from "./shard-errors.js";
import type { ShardLink } from "./shard-link.js";

export interface ShardClientOwner {
  nowMs(): number;
  /** Open snapshots and scans, and the bulk loads whose tables must stay; sent to a shard that starts. */
  heldSnapshots(): HeldSnapshot[];
  keptLoads(): string[];
  /** Whether a snapshot or scan is still open. */
  isHeld(holdId: number): boolean;
  /** Up to which sequence the batch log is written, and up to which it is on disk. */
  logWritten(): number;
  logSynced(): number;
  /** Whether the batch log has no disk space, or can no longer be written. */
  hasLogOutage(): boolean;
  /** Announces to all shards, with `sendHold`, the holds that they do not know yet. */
  announceHolds(): void;
  /** Requests a sync of the batch log soon, without waiting for its interval. */
  wantLogSync(): void;
  /** Called when more of the shard's writes are on disk. */
  onSynced(shardIndex: number): void;
  onEvent(shardIndex: number, event: ShardEvent): void;
}

interface RequestOptions {
  raw?: Buffer;
  /** Whether it is sent again to a restarted shard. */
  isRepeatable?: boolean;
}

export class ShardClient {
  readonly index: number;
  writtenSequence = 0;
  syncedSequence = 0;
  /**
   * Set while the disk has no space for the shard to start, or to write to its WAL what it has accepted. New calls are
   * refused with it.
   */
  outage: FastKVError | undefined;

  readonly #owner: ShardClientOwner;
  readonly #maxInFlightBytes: number;
  #link: ShardLink | undefined;
  /** Whether the shard is open and has all retained writes, so that calls are sent at once. */
  #isServing = false;
  /** Set when the shard was given up or the database was closed. Every call is refused with it. */
  #refusal: FastKVError | undefined;
  readonly #outbox = new Outbox();
  #isSendScheduled = false;
  readonly #inbox = new Inbox({
    onFrame: (frame) => this.#handleFrame(frame),
    onHandled: () => this.#checkIdle(),
    // Treated like the end of the process.
    onUnreadable: ({ message }) => this.#link?.cutOff(`sent what is no frame: ${message}`),
  });
  readonly #reads = new PendingReads();
  readonly #writes = new PendingWrites();
  readonly #requests = new PendingRequests();
  #confirmedSequence = 0;
  readonly #scratch = new KeyScratch();
  /** Holds to be released in the shard. */
  readonly #released = new GatheredIds((ids) => this.notify({ type: "release", ids }));
  #onIdle: (() => void) | undefined;

  constructor(index: number, owner: ShardClientOwner, maxInFlightBytes: number) {
    this.index = index;
    this.#owner = owner;
    this.#maxInFlightBytes = maxInFlightBytes;
  }

  /** Memory of what waits here. Writes count until the shard has accepted them. */
  get inFlightBytes(): number {
    return this.#outbox.inFlightBytes + this.#reads.inFlightBytes + this.#requests.inFlightBytes;
  }

  /** Whether, with `moreBytes`, so much is in flight that even calls without durability should wait. */
  isCongested(moreBytes = 0): boolean {
    return this.inFlightBytes + moreBytes > this.#maxInFlightBytes / 4 || this.#outbox.mustAwaitDisk;
  }

  /** Throws if the shard accepts nothing now: it was given up, or has no disk space. */
  checkServing(): void {
    const error = this.#refusal ?? this.outage;
    if (error !== undefined) {
      throw error;
    }
  }

  /** Throws if the shard accepts nothing more, also if too much is in flight. */
  checkAvailable(): void {
    this.checkServing();
    this.#checkLoad(this.inFlightBytes);
  }

  /** Throws when pending requests exceed the limit. Other kinds of calls do not count. */
  checkRequests(): void {
    this.#checkLoad(this.#requests.inFlightBytes);
  }

  #checkLoad(bytes: number): void {
    if (bytes > this.#maxInFlightBytes) {
      throw overloadError(this.index, bytes, this.#maxInFlightBytes);
    }
  }

  // Operations, in the order of the calls

  /** Writes the encoder's entry. `pending` is undefined if nobody waits for the write. */
  write(
    kind: number,
    entry: EntryEncoder,
    sequence: number,
    sync: boolean,
    pending: PendingWrite | undefined,
  ): void {
    this.#outbox.write(kind, entry, sequence);
    this.#noteWrite(sync, pending);
  }

  /** Writes this shard's part of a batch. The batch log acknowledges a logged part, so nobody waits for it here. */
  writeBatch(
    section: Buffer,
    sequence: number,
    isLogged: boolean,
    sync: boolean,
    pending?: PendingWrite,
  ): void {
    this.#outbox.writeBatch(section, sequence, isLogged);
    if (isLogged) {
      this.#writes.noteLogged(sequence);
    }
    this.#noteWrite(sync, pending);
  }

  /** Writes the commit of a bulk load, in a frame of its own. */
  writeSeal(section: Buffer, sequence: number): void {
    this.sendGathered();
    this.writeBatch(section, sequence, true, true);
    this.sendGathered({ isSeal: true });
  }

  read(pending: PendingRead, key: Uint8Array, keyBytes: number): void {
    this.#outbox.read(key, keyBytes, pending);
    this.#reads.add(pending, keyBytes);
    this.#scheduleSend();
  }

  /** Sends a request at its place in the order of calls. */
  request(request: AnyRequest, options: RequestOptions = {}): Promise<Reply> {
    const error = this.#refusal ?? this.outage;
    return error === undefined ? this.requestAnyway(request, options) : Promise.reject(error);
  }

  /** Like `request`, but also if the shard has no disk space. */
  requestAnyway(request: AnyRequest, { raw, isRepeatable = true }: RequestOptions = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (!this.#isServing && !isRepeatable) {
        reject(lostRequest(this.index, request));
        return;
      }
      const pending = { request, raw, isRepeatable, resolve, reject };
      this.#sendRequest(this.#requests.add(pending), pending);
    });
  }

  /** Sends a message that needs no reply. A restarted shard gets this information by other means. */
  notify(request: ShardRequest): void {
    if (this.#isServing) {
      this.#owner.announceHolds();
      this.sendGathered();
      this.#link?.send(encodeMessage(frameType.request, 0, request));
    }
  }

  /** Sent ahead of gathered writes, so that the shard keeps the versions these overwrite. */
  sendHold(frame: Buffer): void {
    if (this.#isServing) {
      this.#link?.send(frame);
    }
  }

  /** Releases a hold. A shard that restarts is told which holds remain. */
  release(holdId: number): void {
    this.#released.add(holdId);
  }

  /** Resolves when the shard has accepted every write up to `sequence`, or never will. */
  taken(sequence: number): Promise<void> {
    return new Promise((resolve) => {
      this.#writes.add({ sequence, isBarrier: true, resolve, reject: () => resolve() }, false);
    });
  }

  /** Resolves when every write up to `sequence` is on the shard's disk. */
  sync(sequence: number): Promise<void> {
    if (this.syncedSequence >= sequence) {
      return Promise.resolve();
    }
    if (this.#refusal !== undefined) {
      return Promise.reject(inDoubt(this.#refusal));
    }
    return new Promise((resolve, reject) => {
      this.#writes.add({ sequence, isBarrier: true, resolve, reject }, true);
      this.#wantLogSync();
      this.#outbox.wantSync();
      this.sendGathered();
      if (this.#isServing) {
        this.#sendEmptyFrame(operationsFlag.sync);
      }
    });
  }

  /** Resolves when all earlier calls have their outcome. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    const isIdle = this.#outbox.isEmpty && this.#reads.isEmpty && this.#writes.isEmpty;
    if (this.#onIdle !== undefined && (isIdle || this.#refusal !== undefined)) {
      this.#onIdle();
      this.#onIdle = undefined;
    }
  }

  // For the shard's lifecycle

  /** Its process was started. */
  attach(link: ShardLink): void {
    this.#link = link;
  }

  receive(frames: readonly Buffer[]): void {
    this.#inbox.receive(frames);
  }

  /** Whether somebody waits for an answer of the shard. */
  get isAwaited(): boolean {
    return !(this.#reads.isEmpty && this.#writes.isEmpty && this.#requests.isEmpty);
  }

  /** Whether writes are retained that are not in the batch log. */
  get retainsUnlogged(): boolean {
    return this.#outbox.retained.hasUnlogged;
  }

  /** Makes the shard open its files. Calls wait for `resume`. */
  async open(request: OpenRequest): Promise<OpenReply> {
    const { meta } = await new Promise<Reply>((resolve, reject) => {
      this.#requests.addOpening({ request, raw: undefined, isRepeatable: false, resolve, reject });
      this.#link!.send(encodeMessage(frameType.request, openingId, request));
    });
    return meta as OpenReply;
  }

  /**
   * Starts serving: the shard is open and has everything up to `lastSequence`. Sends the holds, then retained writes
   * and unanswered calls.
   */
  resume(lastSequence: number): void {
    const link = this.#link!;
    // Takes what was gathered in this same turn: its writes are retained, and its reads are repeated with all others.
    this.sendGathered();
    this.writtenSequence = Math.max(this.writtenSequence, lastSequence);
    this.syncedSequence = Math.max(this.syncedSequence, lastSequence);
    this.#outbox.retained.forget(lastSequence);
    this.#outbox.noteWritten(this.writtenSequence);
    this.#released.take();
    const request: ShardRequest = {
      type: "resume",
      holds: this.#owner.heldSnapshots(),
      committedLoads: this.#owner.keptLoads(),
    };
    link.send(encodeMessage(frameType.request, 0, request));
    for (const retained of this.#outbox.retained.sections()) {
      const flags = operationsFlag.sync | operationsFlag.resent | (retained.isSeal ? operationsFlag.seal : 0);
      link.send(frameForSection(retained, this.#stamp(flags)));
    }
    this.#isServing = true;
    this.outage = undefined;
    this.#repeatReads();
    for (const [id, pending] of this.#requests.entries()) {
      this.#repeatRequest(id, pending);
    }
    // Tells the shard how far the batch log is on disk: flushes of recovered data wait for that.
    this.#sendEmptyFrame(0);
    this.#settleWrites();
    this.#owner.onSynced(this.index);
  }

  /** Called when the process has ended. Frames received before that are handled. Unanswered calls wait for `resume`. */
  detach(): void {
    this.#isServing = false;
    this.#inbox.finish();
    this.#requests.failUnrepeatable(this.index);
  }

  /** From now on every call is refused with this error, and nothing is sent. */
  refuseAll(error: FastKVError): void {
    this.#isServing = false;
    this.#refusal ??= error;
  }

  /** Rejects everything that waits, and drops everything that is retained. */
  rejectAll(error: FastKVError, ofWrites: FastKVError): void {
    this.#inbox.clear();
    this.#outbox.clear();
    this.#reads.rejectAll(error);
    this.#writes.rejectAll(ofWrites);
    for (const request of this.#requests.takeAll()) {
      request.reject(error);
    }
    this.#checkIdle();
  }

  // The batch log

  /** Tells the shard how far the batch log has come, and settles the writes that waited for it. */
  noteLogProgress(): void {
    this.#settleWrites();
    if (this.#writes.noteLogSynced(this.#owner.logSynced()) && this.#isServing) {
      this.#sendEmptyFrame(0);
    }
  }

  /** Tells the shard that an outage of the batch log has begun or ended. */
  noteLogOutage(): void {
    if (this.#isServing) {
      this.#sendEmptyFrame(0);
    }
  }

  /**
   * Called when the batch log is lost. A write after a part of a batch that is missing in the log can never become as
   * durable as requested.
   */
  failBehindLog(error: FastKVError): void {
    this.#writes.failBehindLog(this.#logMarks(), error);
    this.#requests.failFlushes(error);
    this.#checkIdle();
  }

  // Sending

  #noteWrite(sync: boolean, pending: PendingWrite | undefined): void {
    if (sync) {
      this.#outbox.wantSync();
      this.#wantLogSync();
    }
    if (pending !== undefined) {
      this.#writes.add(pending, sync || this.#outbox.mustAwaitDisk);
    }
    this.#scheduleSend();
  }

  /** A synced write is acknowledged only when the records of earlier batches are on disk. */
  #wantLogSync(): void {
    if (this.#writes.waitsForLog) {
      this.#owner.wantLogSync();
    }
  }

  #scheduleSend(): void {
    if (this.#outbox.isDue) {
      this.sendGathered({ atOnce: true });
    } else if (!this.#isSendScheduled) {
      this.#isSendScheduled = true;
      process.nextTick(this.#sendScheduled);
    }
  }

  readonly #sendScheduled = (): void => {
    this.#isSendScheduled = false;
    this.sendGathered();
  };

  sendGathered({ isSeal = false, atOnce = false } = {}): void {
    if (this.#outbox.isEmpty) {
      return;
    }
    if (this.#refusal !== undefined) {
      // Called in the same turn in which the shard was given up.
      this.rejectAll(this.#refusal, this.#refusal);
      return;
    }
    this.#owner.announceHolds();
    const frame = this.#outbox.take(this.#stamp(0), isSeal);
    if (this.#isServing) {
      this.#link!.send(frame, atOnce);
    }
  }

  #stamp(flags: number): FrameStamp {
    return {
      flags: this.#owner.hasLogOutage() ? flags | operationsFlag.logOutage : flags,
      timeMs: this.#owner.nowMs(),
      logSyncedSequence: this.#owner.logSynced(),
      confirmedSequence: this.#confirmedSequence,
    };
  }

  #sendEmptyFrame(flags: number): void {
    this.#owner.announceHolds();
    this.sendGathered();
    const empty = { section: Buffer.alloc(0), firstSequence: 0, lastSequence: 0 };
    this.#link!.send(frameForSection(empty, this.#stamp(flags)));
  }

  #sendRequest(id: number, pending: PendingRequest): void {
    this.#owner.announceHolds();
    this.sendGathered();
    if (!this.#isServing) {
      return;
    }
    const { request, raw } = pending;
    if (request.type === "page") {
      this.#link!.send(encodePageRequest(id, request, this.#released.take()));
    } else {
      this.#released.tellNow();
      this.#link!.send(encodeMessage(frameType.request, id, request, raw));
    }
  }

  /**
   * Repeats a request after a restart. A scan that has ended meanwhile must not take its hold again: nobody would
   * release it.
   */
  #repeatRequest(id: number, pending: PendingRequest): void {
    const { request } = pending;
    if (request.type === "page" && !this.#owner.isHeld(request.holdId)) {
      this.#requests.take(id);
      pending.reject(closedError());
      return;
    }
    if (request.type === "flush" || request.type === "compact") {
      // It now comes after batches that were called later.
      this.#owner.wantLogSync();
    }
    this.#sendRequest(id, pending);
  }

  /** After a restart, repeats the unanswered reads in their order, after all retained writes. */
  #repeatReads(): void {
    this.#reads.askAgain((read) => {
      const length = this.#scratch.set(read.key);
      this.#outbox.read(this.#scratch.buffer, length, read);
      if (this.#outbox.isFull) {
        this.sendGathered();
      }
    });
  }

  // Receiving

  #handleFrame(frame: Buffer): void {
    switch (frameTypeOf(frame)) {
      case frameType.answers:
        this.#onAnswers(frame);
        break;
      case frameType.page:
        this.#requests.take(pageIdOf(frame))?.resolve({ meta: undefined, raw: frame });
        break;
      default:
        this.#onMessage(frame);
    }
  }

  #onAnswers(frame: Buffer): void {
    const header = readAnswersHeader(frame);
    if (header.refusedTo > 0) {
      const bytes = frame.subarray(answersHeaderBytes, answersHeaderBytes + header.reportBytes);
      const report = unpackSmall(bytes) as ErrorReport;
      this.#onRefusal(header.refusedFrom, header.refusedTo, fromErrorReport(report));
    }
    this.writtenSequence = Math.max(this.writtenSequence, header.writtenSequence);
    this.noteSynced(header.syncedSequence);
    this.#outbox.noteWritten(this.writtenSequence);
    this.#settleWrites();
    if (header.answers > 0) {
      this.#reads.answer(new AnswerReader(frame, header));
    }
  }

  noteSynced(sequence: number): void {
    if (sequence > this.syncedSequence) {
      this.syncedSequence = sequence;
      this.#outbox.retained.forget(sequence);
      this.#owner.onSynced(this.index);
    }
  }

  #onRefusal(from: number, to: number, error: FastKVError): void {
    this.#confirmedSequence = Math.max(this.#confirmedSequence, to);
    this.#outbox.retained.refuse(from, to);
    this.#writes.refuse(from, to, error);
    if (this.#isServing) {
      // The shard must know that the refusal was received before later writes may become durable.
      this.#sendEmptyFrame(0);
    }
  }

  #settleWrites(): void {
    this.#writes.settle({ written: this.writtenSequence, synced: this.syncedSequence }, this.#logMarks());
    this.#checkIdle();
  }

  #logMarks(): WriteMarks {
    return { written: this.#owner.logWritten(), synced: this.#owner.logSynced() };
  }

  #onMessage(frame: Buffer): void {
    const { type, id, meta, raw } = decodeMessage(frame);
    if (type === frameType.event) {
      this.#owner.onEvent(this.index, meta as ShardEvent);
      return;
    }
    const pending = this.#requests.take(id);
    if (pending === undefined) {
      return;
    }
    if (type === frameType.reply) {
      pending.resolve({ meta, raw });
    } else {
      pending.reject(fromErrorReport(meta as ErrorReport));
    }
  }
}
