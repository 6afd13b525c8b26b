import type { FastKVError } from "../../shared/errors.js";
import type { PendingWrite } from "../shards/pending.js";
import type { CachedValue, FillTicket, ReadCache } from "./read-cache.js";

/** What a put of a cached key puts into the cache when it is acknowledged. */
export interface Refill {
  name: string;
  ticket: FillTicket;
  value: CachedValue;
}

/** A put of a key that was in the read cache. */
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
    const { name, ticket, value } = this.#refill;
    this.#cache.fill(name, ticket, value);
    this.#resolve();
  }

  reject(error: FastKVError): void {
    const { name, ticket } = this.#refill;
    this.#cache.fill(name, ticket, undefined);
    this.#reject(error);
  }
}
