import { operationsFlag } from "../../shared/wire/frame.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";
import { Fifo } from "../event-loop/fifo.js";
import { FrameBuilder, type FrameStamp } from "./frame-builder.js";
import type { PendingRead } from "./pending.js";
import { RetainedWrites } from "./retained-writes.js";

/** A promise, its entry in a queue, and the objects that belong to them. */
export const overheadBytesPerOperation = 160;
/** If more bytes are retained, the shard is asked to sync, so that they can be dropped. */
const syncedBudgetBytes = 16 * 1024 * 1024;
/**
 * If more bytes are retained, a write is acknowledged only when it is on disk, whatever its durability. A disk that
 * syncs slowly, or not at all, must not fill the memory of a program that awaits its writes.
 */
const retainedLimitBytes = 64 * 1024 * 1024;

/** This many writes are sent before the turn ends: the shard works on them while the program makes more. */
const earlyWrites = 32;
/** A shard that has more writes to accept is busy enough, and each frame has a cost. */
const mostEarlyWrites = 160;

/** What is in flight to one shard: the frame being gathered, and the writes that are not yet on its disk. */
export class Outbox {
  readonly retained = new RetainedWrites();
  readonly #frame = new FrameBuilder();
  /** Frames that the shard has not accepted yet; used to subtract their bytes later. */
  readonly #frames = new Fifo<{ lastSequence: number; bytes: number; writes: number }>();
  /** Number of writes in these frames. */
  #sentWrites = 0;
  /** The share of the current frame's writes in `inFlightBytes`. */
  #frameBytes = 0;
  /** Memory of writes that the shard has not accepted yet. */
  inFlightBytes = 0;

  get isEmpty(): boolean {
    return this.#frame.isEmpty;
  }

  get isFull(): boolean {
    return this.#frame.isFull;
  }

  /** Whether the frame must be sent before the turn ends. Writes that wait for the disk are better synced together. */
  get isDue(): boolean {
    const { writes, wantsSync } = this.#frame;
    const isEarly = writes >= earlyWrites && this.#sentWrites + writes <= mostEarlyWrites && !wantsSync;
    return isEarly || this.isFull;
  }

  /** Whether so much waits for the disk that writes are acknowledged only when they are on disk. */
  get mustAwaitDisk(): boolean {
    return this.retained.bytes > retainedLimitBytes;
  }

  write(kind: number, entry: EntryEncoder, sequence: number): void {
    this.#frame.write(kind, entry, sequence);
    this.#count(entry.keyBytes + entry.value.length);
  }

  writeBatch(section: Buffer, sequence: number, isLogged: boolean): void {
    this.#frame.writeBatch(section, sequence, isLogged);
    this.#count(section.length);
  }

  read(key: Uint8Array, keyBytes: number, read: PendingRead): void {
    this.#frame.read(key, keyBytes, read.withValue, read.snapshot);
  }

  wantSync(): void {
    this.#frame.wantsSync = true;
  }

  /** Returns the gathered frame, with `stamp` and the necessary flags. Retains its writes until they are on disk. */
  take(stamp: FrameStamp, isSeal: boolean): Buffer {
    const { firstSequence, lastSequence, hasLogged, wantsSync, writes } = this.#frame;
    const mustSync = wantsSync || this.retained.bytes > syncedBudgetBytes;
    stamp.flags |= (mustSync ? operationsFlag.sync : 0) | (isSeal ? operationsFlag.seal : 0);
    const { frame, section } = this.#frame.take(stamp);
    if (section.length > 0) {
      this.retained.add({ section, firstSequence, lastSequence, isSeal, hasLogged });
      this.#frames.push({ lastSequence, bytes: this.#frameBytes, writes });
      this.#sentWrites += writes;
      this.#frameBytes = 0;
    }
    return frame;
  }

  /** Notes that the shard has accepted everything up to `sequence`. */
  noteWritten(sequence: number): void {
    for (let first = this.#frames.peek(); first !== undefined; first = this.#frames.peek()) {
      if (first.lastSequence > sequence) {
        return;
      }
      this.#frames.shift();
      this.inFlightBytes -= first.bytes;
      this.#sentWrites -= first.writes;
    }
  }

  /** Drops what was gathered and everything in flight: the shard is gone for good. */
  clear(): void {
    this.#frame.take({ flags: 0, timeMs: 0, logSyncedSequence: 0, confirmedSequence: 0 });
    this.#frames.takeAll();
    this.retained.clear();
    this.#frameBytes = 0;
    this.#sentWrites = 0;
    this.inFlightBytes = 0;
  }

  #count(bytes: number): void {
    this.#frameBytes += bytes + overheadBytesPerOperation;
    this.inFlightBytes += bytes + overheadBytesPerOperation;
  }
}
