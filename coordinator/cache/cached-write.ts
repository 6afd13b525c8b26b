import type { FastKVError } from "../../shared/errors.js";
import type { PendingWrite } from "../shards/pending.js";
import type { FillTicket, KeptText, ReadCache } from "./read-cache.js";

/** What the put of a cached key stores in the cache when it is acknowledged. */
export interface Refill {
  ticket: FillTicket;
  text: KeptText;
}

/** A put of a key that was in the read cache when it was called. */
export class CachedWrite implements PendingWrite {
  readonly sequence: number;
  readonly #cache: ReadCache;
  readonly #refill: Refill;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    sequence: number,
    cache: ReadCache,
    refill: Refill,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.sequence = sequence;
    this.#cache = cache;
    this.#refill = refill;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(): void {
    const { ticket, text } = this.#refill;
    if (this.#cache.wants(ticket)) {
      this.#cache.fillText(ticket, text);
    }
    this.#resolve();
  }

  reject(error: FastKVError): void {
    const { ticket } = this.#refill;
    if (this.#cache.wants(ticket)) {
      this.#cache.forget(ticket);
    }
    this.#reject(error);
  }
}
