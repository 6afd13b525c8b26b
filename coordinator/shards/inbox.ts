import { frameType, frameTypeOf } from "../../shared/wire/frame.js";
import { Fifo } from "../fifo.js";

/**
 * So many bytes of pages are handed out in a turn of the event loop. What many scans make of theirs in one turn, before the
 * first of them is used, outlives V8's small collections, which copy it.
 */
const pageBytesPerTurn = 64 * 1024;

export interface InboxOwner {
  onFrame(frame: Buffer): void;
  /** All that could be handled in this turn was. */
  onHandled(): void;
  /** A frame could not be handled: it and all behind it are dropped. */
  onUnreadable(error: Error): void;
}

/** The frames that came from a shard, handled in their order. */
export class Inbox {
  readonly #owner: InboxOwner;
  readonly #frames = new Fifo<Buffer>();
  /** The rest waits for the next turn of the event loop. */
  #pacing: NodeJS.Immediate | undefined;

  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  receive(frames: readonly Buffer[]): void {
    for (const frame of frames) {
      this.#frames.push(frame);
    }
    if (this.#pacing === undefined) {
      this.#handle(pageBytesPerTurn);
    }
  }

  /** What waits is handled at once: nothing more will come. */
  finish(): void {
    this.#handle(Number.POSITIVE_INFINITY);
  }

  clear(): void {
    this.#frames.takeAll();
  }

  #handle(pageBytes: number): void {
    let left = pageBytes;
    try {
      while (left > 0 && this.#frames.length > 0) {
        const frame = this.#frames.shift()!;
        this.#owner.onFrame(frame);
        left -= frameTypeOf(frame) === frameType.page ? frame.length : 0;
      }
      this.#owner.onHandled();
    } catch (error) {
      this.clear();
      this.#owner.onUnreadable(error as Error);
    }
    if (this.#frames.length > 0) {
      this.#pacing = setImmediate(() => {
        this.#pacing = undefined;
        this.#handle(pageBytesPerTurn);
      });
    }
  }
}
