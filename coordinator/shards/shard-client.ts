/**
 * One shard as the coordinator sees it: operations go in, in the order of the calls, and their outcomes come out.
 *
 * Operations called in one turn travel in one frame. Reads are answered in order, so they need no ids; writes are
 * acknowledged by watermark. What is not yet synced is retained: a shard that dies is started anew (see `ShardLifecycle`) and
 * gets it again, and callers see a pause.
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
import type { EntryEncoder } from "../entry-encoder.js";
import { GatheredIds } from "../gathered-ids.js";
import { KeyScratch } from "../keys.js";
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
  /** Open snapshots and scans, and the bulk loads whose tables must stay: told to a shard that starts. */
  heldSnapshots(): HeldSnapshot[];
  keptLoads(): string[];
  /** Whether a snapshot or scan is still open. */
  isHeld(holdId: number): boolean;
  /** How far the batch log is written, and how far it is on disk. */
  logWritten(): number;
  logSynced(): number;
  /** The batch log has no room, or cannot be written any more. */
  hasLogOutage(): boolean;
  /** Tells all shards of the holds that they do not know of, with `sendHold`. */
  tellHolds(): void;
  /** Have the batch log synced soon, not only after its interval. */
  wantLogSync(): void;
  /** More of the shard's writes are on disk. */
  onSynced(shardIndex: number): void;
  onEvent(shardIndex: number, event: ShardEvent): void;
}

interface RequestOptions {
  raw?: Buffer;
  /** It is sent again to a shard that was started anew. */
  isRepeatable?: boolean;
}

export class ShardClient {
  readonly index: number;
  writtenSequence = 0;
  syncedSequence = 0;
  /** There is no room for the shard to start, or to take its log's debts to disk: new calls are refused with this. */
  outage: FastKVError | undefined;

  readonly #owner: ShardClientOwner;
  readonly #maxInFlightBytes: number;
  #link: ShardLink | undefined;
  /** It is open, and has what was retained: what is called is sent. */
  #isServing = false;
  /** The shard was given up, or the database closed: every call is refused with this. */
  #refusal: FastKVError | undefined;
  readonly #outbox = new Outbox();
  #isSendScheduled = false;
  readonly #inbox = new Inbox({
    onFrame: (frame) => this.#handleFrame(frame),
    onHandled: () => this.#checkIdle(),
    // As the end of the process would be.
    onUnreadable: ({ message }) => this.#link?.cutOff(`sent what is no frame: ${message}`),
  });
  readonly #reads = new PendingReads();
  readonly #writes = new PendingWrites();
  readonly #requests = new PendingRequests();
  #confirmedSequence = 0;
  readonly #scratch = new KeyScratch();
  /** Holds that are given back. */
  readonly #released = new GatheredIds((ids) => this.notify({ type: "release", ids }));
  #onIdle: (() => void) | undefined;

  constructor(index: number, owner: ShardClientOwner, maxInFlightBytes: number) {
    this.index = index;
    this.#owner = owner;
    this.#maxInFlightBytes = maxInFlightBytes;
  }

  /** What waits here, as it is held in memory; writes count until the shard has taken them. */
  get inFlightBytes(): number {
    return this.#outbox.inFlightBytes + this.#reads.inFlightBytes + this.#requests.inFlightBytes;
  }

  /** With `moreBytes` so much is on its way that even who does not care for durability should wait. */
  isCongested(moreBytes = 0): boolean {
    return this.inFlightBytes + moreBytes > this.#maxInFlightBytes / 4 || this.#outbox.mustAwaitDisk;
  }

  /** Throws where the shard takes nothing now: it was given up, or has no room. */
  checkServing(): void {
    const error = this.#refusal ?? this.outage;
    if (error !== undefined) {
      throw error;
    }
  }

  /** Throws where the shard takes nothing more: also because too much is on its way. */
  checkAvailable(): void {
    this.checkServing();
    this.#checkLoad(this.inFlightBytes);
  }

  /** Throws where so much is asked, of which nobody needs much at a time, that it must not grow on. Other calls may have filled all. */
  checkRequests(): void {
    this.#checkLoad(this.#requests.inFlightBytes);
  }

  #checkLoad(bytes: number): void {
    if (bytes > this.#maxInFlightBytes) {
      throw overloadError(this.index, bytes, this.#maxInFlightBytes);
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
    this.#outbox.write(kind, entry, sequence);
    this.#noteWrite(sync, pending);
  }

  /** The part of a batch that belongs here. A logged one is acknowledged by the batch log, so nobody waits here. */
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

  /** A bulk load's commit: in a frame of its own. */
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

  /** Also of a shard that has no room. */
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

  /** Sends a message that needs no reply; a restarted shard is told by other means. */
  notify(request: ShardRequest): void {
    if (this.#isServing) {
      this.#owner.tellHolds();
      this.sendGathered();
      this.#link?.send(encodeMessage(frameType.request, 0, request));
    }
  }

  /** In front of all that was gathered: it lets nobody drop what that writes over. */
  sendHold(frame: Buffer): void {
    if (this.#isServing) {
      this.#link?.send(frame);
    }
  }

  /** Gives a hold back. A shard that restarts is told what is still held. */
  release(holdId: number): void {
    this.#released.add(holdId);
  }

  /** Resolves when the shard has taken every write up to `sequence`, or never will. */
  taken(sequence: number): Promise<void> {
    return new Promise((resolve) => {
      this.#writes.add({ sequence, isBarrier: true, resolve, reject: () => resolve() }, false);
    });
  }

  /** Resolves when every write up to `sequence` is on disk in the shard. */
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

  /** Resolves when everything that was called before has its outcome. */
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

  // For its lifecycle

  /** Its process was started. */
  attach(link: ShardLink): void {
    this.#link = link;
  }

  receive(frames: readonly Buffer[]): void {
    this.#inbox.receive(frames);
  }

  /** Somebody waits for what the shard will answer. */
  get isAwaited(): boolean {
    return !(this.#reads.isEmpty && this.#writes.isEmpty && this.#requests.isEmpty);
  }

  /** Whether writes are retained for which the batch log does not vouch. */
  get retainsUnlogged(): boolean {
    return this.#outbox.retained.hasUnlogged;
  }

  /** Has the shard open its files; what was called waits for `resume`. */
  async open(request: OpenRequest): Promise<OpenReply> {
    const { meta } = await new Promise<Reply>((resolve, reject) => {
      this.#requests.addOpening({ request, raw: undefined, isRepeatable: false, resolve, reject });
      this.#link!.send(encodeMessage(frameType.request, openingId, request));
    });
    return meta as OpenReply;
  }

  /** It is open, and has all up to `lastSequence`: tells what is held, then sends what was retained and is still unanswered. */
  resume(lastSequence: number): void {
    const link = this.#link!;
    // What was gathered in this very turn: its writes are retained, and its reads are asked again with all others.
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
    // Says how far the batch log is on disk: flushes of what was recovered wait for it.
    this.#sendEmptyFrame(0);
    this.#settleWrites();
    this.#owner.onSynced(this.index);
  }

  /** The process has ended. What came before the end counts; what was not answered waits for `resume`. */
  detach(): void {
    this.#isServing = false;
    this.#inbox.finish();
    this.#requests.failUnrepeatable(this.index);
  }

  /** From now on every call is refused with this, and nothing is sent. */
  refuseAll(error: FastKVError): void {
    this.#isServing = false;
    this.#refusal ??= error;
  }

  /** Everything that waits, and all that is retained, is given up. */
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

  /** Tells the shard how far the batch log has come, and lets go what waited for it here. */
  noteLogProgress(): void {
    this.#settleWrites();
    if (this.#writes.noteLogSynced(this.#owner.logSynced()) && this.#isServing) {
      this.#sendEmptyFrame(0);
    }
  }

  /** Tells the shard that an outage of the batch log has begun, or has ended. */
  noteLogOutage(): void {
    if (this.#isServing) {
      this.#sendEmptyFrame(0);
    }
  }

  /**
   * The batch log is lost: a write behind a part of a batch that it does not have will never be as durable as it
   * was to be.
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

  /** A synced write is acknowledged only when the batches before it have their records on disk. */
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
      // Called in the turn in which the shard was given up.
      this.rejectAll(this.#refusal, this.#refusal);
      return;
    }
    this.#owner.tellHolds();
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
    this.#owner.tellHolds();
    this.sendGathered();
    const empty = { section: Buffer.alloc(0), firstSequence: 0, lastSequence: 0 };
    this.#link!.send(frameForSection(empty, this.#stamp(flags)));
  }

  #sendRequest(id: number, pending: PendingRequest): void {
    this.#owner.tellHolds();
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

  /** After a restart. A scan that was left meanwhile must not take its hold again: nobody would give it back. */
  #repeatRequest(id: number, pending: PendingRequest): void {
    const { request } = pending;
    if (request.type === "page" && !this.#owner.isHeld(request.holdId)) {
      this.#requests.take(id);
      pending.reject(closedError());
      return;
    }
    if (request.type === "flush" || request.type === "compact") {
      // It comes behind batches now that were called after it.
      this.#owner.wantLogSync();
    }
    this.#sendRequest(id, pending);
  }

  /** After a restart: the reads that were not answered, in their order, behind all retained writes. */
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
      // What the shard has taken behind it may not become durable before it knows that it was told.
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
