import { copyKey, writeUint64 } from "../../shared/bytes.js";
import { OperationSection, setDeltas } from "../../shared/format/operations.js";
import { targetFrameBytes } from "../../shared/limits.js";
import type { ReadPoint } from "../../shared/read-point.js";
import {
  operationsHeaderBytes,
  readFlag,
  readHeaderBytes,
  readSnapshotBytes,
  writeOperationsHeader,
} from "../../shared/wire/frame.js";
import { appendEntry } from "../encoding/append-entry.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";

const firstSectionBytes = 4 * 1024;

export interface FrameStamp {
  flags: number;
  timeMs: number;
  logSyncedSequence: number;
  confirmedSequence: number;
}

/** Gathers the operations of one turn for one shard. */
export class FrameBuilder {
  firstSequence = 0;
  lastSequence = 0;
  hasLogged = false;
  wantsSync = false;
  /** Number of puts, deletes and batches. */
  writes = 0;
  #writes = new OperationSection(firstSectionBytes);
  #reads = Buffer.allocUnsafeSlow(1024);
  #readBytes = 0;

  get isEmpty(): boolean {
    return this.#writes.length === 0 && this.#readBytes === 0;
  }

  get isFull(): boolean {
    return this.#writes.length + this.#readBytes >= targetFrameBytes;
  }

  /** Appends one write: a copy of the encoder's entry. */
  write(kind: number, entry: EntryEncoder, sequence: number): void {
    this.#noteSequence(sequence);
    appendEntry(this.#writes, kind, entry, sequence - this.firstSequence);
  }

  /** Appends a whole section, a batch, whose deltas are all 0. */
  writeBatch(section: Buffer, sequence: number, isLogged: boolean): void {
    const writes = this.#writes;
    writes.reserve(section.length);
    this.#noteSequence(sequence);
    const start = writes.length;
    section.copy(writes.buffer, start);
    writes.length = start + section.length;
    const delta = sequence - this.firstSequence;
    if (delta > 0) {
      setDeltas(writes.buffer, start, writes.length, delta);
    }
    this.hasLogged ||= isLogged;
  }

  /** Appends a read of the key `key[0..keyBytes)`. */
  read(key: Uint8Array, keyBytes: number, withValue: boolean, snapshot: ReadPoint | undefined): void {
    const needed = this.#readBytes + readHeaderBytes + readSnapshotBytes + keyBytes;
    if (needed > this.#reads.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#reads.length * 2));
      this.#reads.copy(larger, 0, 0, this.#readBytes);
      this.#reads = larger;
    }
    const reads = this.#reads;
    let at = this.#readBytes;
    reads[at] = (withValue ? 0 : readFlag.noValue) | (snapshot === undefined ? 0 : readFlag.snapshot);
    reads[at + 1] = 0;
    reads.writeUInt16LE(keyBytes, at + 2);
    reads.writeUInt32LE(this.#writes.length, at + 4);
    at += readHeaderBytes;
    if (snapshot !== undefined) {
      writeUint64(reads, snapshot.sequence, at);
      reads.writeDoubleLE(snapshot.timeMs, at + 8);
      at += readSnapshotBytes;
    }
    copyKey(key, keyBytes, reads, at);
    this.#readBytes = at + keyBytes;
  }

  /** Returns the frame and, within it, the section of writes. Resets the builder. */
  take(stamp: FrameStamp): { frame: Buffer; section: Buffer } {
    const writeBytes = this.#writes.length;
    const frame = Buffer.allocUnsafe(operationsHeaderBytes + writeBytes + this.#readBytes);
    // Spreading the stamp would take V8 longer than all the rest here: 7 us.
    writeOperationsHeader(frame, {
      flags: stamp.flags,
      timeMs: stamp.timeMs,
      logSyncedSequence: stamp.logSyncedSequence,
      confirmedSequence: stamp.confirmedSequence,
      firstSequence: this.firstSequence,
      lastSequence: this.lastSequence,
      writeBytes,
      readBytes: this.#readBytes,
    });
    this.#writes.buffer.copy(frame, operationsHeaderBytes, 0, writeBytes);
    this.#reads.copy(frame, operationsHeaderBytes + writeBytes, 0, this.#readBytes);
    if (this.#writes.buffer.length > targetFrameBytes * 2) {
      this.#writes = new OperationSection(firstSectionBytes);
    }
    this.#writes.length = 0;
    this.#readBytes = 0;
    this.writes = 0;
    this.firstSequence = 0;
    this.lastSequence = 0;
    this.hasLogged = false;
    this.wantsSync = false;
    return { frame, section: frame.subarray(operationsHeaderBytes, operationsHeaderBytes + writeBytes) };
  }

  #noteSequence(sequence: number): void {
    if (this.#writes.length === 0) {
      this.firstSequence = sequence;
    }
    this.lastSequence = sequence;
    this.writes += 1;
  }
}

/** Builds a frame for a section that is sent again after a restart. */
export function frameForSection(
  retained: { section: Buffer; firstSequence: number; lastSequence: number },
  stamp: FrameStamp,
): Buffer {
  const { section, firstSequence, lastSequence } = retained;
  const frame = Buffer.allocUnsafe(operationsHeaderBytes + section.length);
  writeOperationsHeader(frame, {
    ...stamp,
    firstSequence,
    lastSequence,
    writeBytes: section.length,
    readBytes: 0,
  });
  section.copy(frame, operationsHeaderBytes);
  return frame;
}
