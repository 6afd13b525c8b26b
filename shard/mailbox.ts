/**
 * The mailbox of a shard: frames are handled strictly in the order of arrival, each without interruption. It pauses
 * (without blocking the event loop) for stalls and WAL rotations before a frame with writes, and until the promise of a
 * message resolves.
 */

import { readUint64 } from "../shared/bytes.js";
import type { FastKVError } from "../shared/errors.js";
import { checkSection, filterSection } from "../shared/format/operations.js";
import type { ReadPoint } from "../shared/read-point.js";
import {
  frameType,
  frameTypeOf,
  type OperationsHeader,
  operationsFlag,
  operationsHeaderBytes,
  readFlag,
  readHeaderBytes,
  readOperationsHeader,
  readSnapshotBytes,
} from "../shared/wire/frame.js";
import { AnswerWriter } from "./answer-writer.js";
import type { AcceptedSection, Engine } from "./engine/engine.js";
import { newEntry, readKey } from "./engine/read-path/reads.js";
import type { Stall } from "./engine/write-path/stall.js";
import { StallClock } from "./stall-clock.js";
import { WritePace } from "./write-pace.js";

export interface MailboxOwner {
  send(frame: Buffer): void;
  /**
   * Takes a frame that is not an operations frame, at its place in the order. Must not throw. The next frame waits for
   * the returned promise.
   */
  onMessage(frame: Buffer): Promise<unknown> | undefined;
  onStall(stall: Stall): void;
  /** Frames that had to wait could not be handled. */
  onFatal(error: unknown): void;
  /** A read was answered with this error. */
  onReadError(error: unknown): void;
  setTimer(call: () => void, delayMs: number): () => void;
  monotonicMs(): number;
}

export class Mailbox {
  readonly stalls: StallClock;
  readonly #engine: Engine;
  readonly #owner: MailboxOwner;
  readonly #answers = new AnswerWriter();
  readonly #pace: WritePace;
  #queue: Buffer[] = [];
  #next = 0;
  #isPaused = false;
  #wasDelayed = false;
  #reportedWritten: number;
  #reportedSynced: number;
  #onProgress: (() => void) | undefined;
  #cancelSyncTimer: (() => void) | undefined;
  readonly #entry = newEntry();

  constructor(engine: Engine, owner: MailboxOwner) {
    this.#engine = engine;
    this.#owner = owner;
    this.stalls = new StallClock(owner.monotonicMs);
    this.#pace = new WritePace(owner.monotonicMs);
    this.#reportedWritten = engine.inWalSequence;
    this.#reportedSynced = engine.syncedSequence;
  }

  /**
   * Takes a frame. The frames of one chunk of the socket are pushed together, then handled by one `drain`. Three facts
   * in the frame take effect immediately: how far the batch log is on disk, whether it has an outage, and which
   * refusals the coordinator knows of. A flush may wait for them, and a write before this frame may wait for that
   * flush.
   */
  push(frame: Buffer): void {
    if (frameTypeOf(frame) === frameType.operations) {
      const { flags, logSyncedSequence, confirmedSequence } = readOperationsHeader(frame);
      this.#engine.noteLog(logSyncedSequence, (flags & operationsFlag.logOutage) !== 0);
      this.#engine.noteConfirmed(confirmedSequence);
    }
    this.#queue.push(frame);
  }

  drain(): void {
    while (!this.#isPaused && this.#next < this.#queue.length) {
      const frame = this.#queue[this.#next]!;
      if (frameTypeOf(frame) === frameType.operations) {
        const header = readOperationsHeader(frame);
        const wait = this.#whatToWaitFor(header);
        if (wait !== undefined) {
          this.#pauseFor(wait);
          break;
        }
        this.#wasDelayed = false;
        this.#handleOperations(frame, header);
        this.#next += 1;
      } else {
        this.#next += 1;
        const wait = this.#owner.onMessage(frame);
        if (wait !== undefined) {
          this.#pauseFor(wait);
        }
      }
    }
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next > 1024) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    this.#report();
  }

  /** The engine has made progress, so a stall may be over. */
  noteProgress(): void {
    this.#noteStall();
    this.#onProgress?.();
  }

  /** A sync has ended, or what was owed to the WAL was written. */
  noteSynced(): void {
    this.#report();
  }

  close(): void {
    this.#cancelSyncTimer?.();
    this.#cancelSyncTimer = undefined;
  }

  #pauseFor(wait: Promise<unknown>): void {
    this.#isPaused = true;
    const unfreeze = (): void => {
      this.#isPaused = false;
      this.drain();
    };
    // A rotation that fails for good has already reported it (`onFatal`): the queue is then never handled.
    void wait.then(unfreeze, () => undefined).catch((error: unknown) => this.#owner.onFatal(error));
  }

  #noteStall(): void {
    const { stall } = this.#engine;
    if (this.stalls.note(stall)) {
      this.#owner.onStall(stall);
    }
  }

  /** What must end before this frame may be handled; undefined if nothing must. */
  #whatToWaitFor(header: OperationsHeader): Promise<unknown> | undefined {
    if (header.writeBytes === 0) {
      return undefined;
    }
    const engine = this.#engine;
    this.#noteStall();
    const { kind, reason } = this.stalls.current;
    // A full disk refuses writes, but does not stop them.
    if (kind === "stop" && reason !== "background-error") {
      return new Promise<void>((resolve) => {
        this.#onProgress = (): void => {
          this.#onProgress = undefined;
          resolve();
        };
      });
    }
    if (engine.rotation.isDue) {
      return engine.rotation.run();
    }
    if (kind === "slow" && !this.#wasDelayed) {
      this.#wasDelayed = true;
      const delayMs = this.#pace.delayOf(header.writeBytes, engine.pressure);
      return delayMs === 0 ? undefined : this.#delay(delayMs);
    }
    return undefined;
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#owner.setTimer(resolve, delayMs);
    });
  }

  #handleOperations(frame: Buffer, header: OperationsHeader): void {
    const engine = this.#engine;
    engine.noteTime(header.timeMs);
    const accepted = header.writeBytes === 0 ? undefined : this.#accept(frame, header);
    if (accepted?.refusal !== undefined) {
      // Sent before the answers, which were given without these writes. Otherwise, if the shard died in between, the
      // writes would be sent to it again.
      this.#send({ from: header.firstSequence, to: header.lastSequence, error: accepted.refusal });
    }
    if (header.readBytes > 0) {
      this.#read(frame, header, accepted);
    }
    if (accepted !== undefined) {
      engine.complete(accepted);
    }
    if ((header.flags & operationsFlag.sync) !== 0) {
      engine.requestSync();
    } else if (engine.hasUnsynced && this.#cancelSyncTimer === undefined) {
      this.#startSyncTimer();
    }
  }

  #accept(frame: Buffer, header: OperationsHeader): AcceptedSection | undefined {
    const engine = this.#engine;
    const section = frame.subarray(operationsHeaderBytes, operationsHeaderBytes + header.writeBytes);
    const { firstSequence, lastSequence, timeMs } = header;
    const mayRefuse = (header.flags & operationsFlag.resent) === 0;
    if ((header.flags & operationsFlag.seal) !== 0) {
      engine.sealForLoad();
    }
    if (firstSequence > engine.appliedSequence) {
      checkSection(section);
      return engine.accept({ section, firstSequence, lastSequence }, timeMs, mayRefuse);
    }
    // A section sent again after a restart: only what is above the recovered state is new.
    const known = engine.appliedSequence;
    const rest = filterSection(section, firstSequence, (_, sequence) => sequence > known);
    return rest === undefined ? undefined : engine.accept({ ...rest, lastSequence }, timeMs, mayRefuse);
  }

  #read(frame: Buffer, header: OperationsHeader, accepted: AcceptedSection | undefined): void {
    const engine = this.#engine;
    let view = engine.view();
    let at = operationsHeaderBytes + header.writeBytes;
    const end = at + header.readBytes;
    const latest: ReadPoint = { sequence: Number.POSITIVE_INFINITY, timeMs: header.timeMs };
    let applied = 0;
    while (at < end) {
      const flags = frame[at]!;
      const keyBytes = frame.readUInt16LE(at + 2);
      const after = frame.readUInt32LE(at + 4);
      let keyStart = at + readHeaderBytes;
      let point = latest;
      if ((flags & readFlag.snapshot) !== 0) {
        point = { sequence: readUint64(frame, keyStart), timeMs: frame.readDoubleLE(keyStart + 8) };
        keyStart += readSnapshotBytes;
      }
      if (after > applied && accepted !== undefined) {
        engine.applyUntil(accepted, after);
        applied = after;
        view = engine.view();
      }
      const key = frame.latin1Slice(keyStart, keyStart + keyBytes);
      this.#answer(view, key, point, (flags & readFlag.noValue) === 0);
      at = keyStart + keyBytes;
    }
  }

  #answer(view: ReturnType<Engine["view"]>, key: string, point: ReadPoint, withValue: boolean): void {
    try {
      if (readKey(view, key, point, this.#entry)) {
        this.#answers.found(this.#entry, withValue);
      } else {
        this.#answers.missing();
      }
    } catch (error) {
      this.#owner.onReadError(error);
      this.#answers.failed(error);
    }
    if (this.#answers.isFull) {
      this.#send();
    }
  }

  #startSyncTimer(): void {
    this.#cancelSyncTimer = this.#owner.setTimer(() => {
      this.#cancelSyncTimer = undefined;
      this.#engine.requestSync();
      if (this.#engine.inWalSequence < this.#engine.appliedSequence) {
        // There is no disk space yet for what is owed to the WAL.
        this.#startSyncTimer();
      }
    }, this.#engine.options.syncIntervalMs);
  }

  /** Sends answers and new sequence numbers, if there are any. */
  #report(): void {
    const { inWalSequence: writtenSequence, syncedSequence } = this.#engine;
    const isNews = writtenSequence > this.#reportedWritten || syncedSequence > this.#reportedSynced;
    if (isNews || !this.#answers.isEmpty) {
      this.#send();
    }
  }

  #send(refusal?: { from: number; to: number; error: FastKVError }): void {
    const { inWalSequence: writtenSequence, syncedSequence } = this.#engine;
    this.#reportedWritten = writtenSequence;
    this.#reportedSynced = syncedSequence;
    this.#owner.send(
      this.#answers.take(
        refusal === undefined
          ? { writtenSequence, syncedSequence }
          : { writtenSequence, syncedSequence, refusal },
      ),
    );
  }
}
