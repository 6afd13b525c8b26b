import { frameType, frameTypeOf } from "../../shared/wire/frame.js";
import { Fifo } from "../event-loop/fifo.js";

/**
 * Bytes of pages handled per turn of the event loop. If many scans decoded their pages in one turn, before the first of
 * them is used, the results would outlive V8's minor collections, which copy them.
 */
const pageBytesPerTurn = 64 * 1024;

export interface InboxOwner {
  onFrame(frame: Buffer): void;
  /** Everything that could be handled in this turn was handled. */
  onHandled(): void;
  /** A frame could not be handled. It and all later ones are dropped. */
  onUnreadable(error: Error): void;
}

/** Handles the frames of a shard in the order in which they arrived. */
export class Inbox {
  readonly #owner: InboxOwner;
  readonly #frames = new Fifo<Buffer>();
  /** Set while the rest waits for the next turn of the event loop. */
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

  /** Handles everything that waits at once: nothing more will come. */
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
