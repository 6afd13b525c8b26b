/** What a shard client waits for. */

import type { FastKVError } from "../../shared/errors.js";
import type { FoundValue } from "../value-reader.js";

/** A point read on its way. Answers come in the order of the reads. */
export interface PendingRead {
  readonly key: Uint8Array | string;
  readonly withValue: boolean;
  /** What it counts as being in flight; set by the client that sends it. */
  inFlightBytes: number;
  /** Undefined: the newest version at its place in the order of calls. */
  readonly snapshot: { sequence: number; timeMs: number } | undefined;
  onMissing(): void;
  onFound(found: FoundValue): void;
  onError(error: FastKVError): void;
  /**
   * The shard died before it answered: true to have the read sent again, false where the owner sends it again itself
   * (a read of several keys, which must be of one moment).
   */
  onRestart(): boolean;
}

export interface PendingWrite {
  sequence: number;
  /** Waits for what lies before it and is no write itself: a refusal of writes does not concern it. */
  isBarrier?: boolean;
  resolve(): void;
  reject(error: FastKVError): void;
}

/** A queue that takes from the front without moving what is behind. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (this.#head < this.#items.length) {
      this.#items[this.#head] = undefined;
      this.#head += 1;
      if (this.#head === this.#items.length) {
        this.#items.length = 0;
        this.#head = 0;
      } else if (this.#head >= 4096 && this.#head * 2 >= this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
    }
    return item;
  }

  /** Everything, from the front; the queue is empty afterwards. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return items;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#head; at < this.#items.length; at++) {
      yield this.#items[at] as T;
    }
  }
}
