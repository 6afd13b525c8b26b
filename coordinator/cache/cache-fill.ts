import type { FoundValue, Keep } from "../encoding/value-reader.js";
import { plainOf } from "./plain-value.js";
import type { FillTicket, ReadCache } from "./read-cache.js";

/** Fills the cache with the result of a read of an uncached key. */
export class CacheFill {
  readonly #cache: ReadCache;
  readonly #ticket: FillTicket;
  readonly #keep: Keep;

  constructor(cache: ReadCache, ticket: FillTicket, keep: Keep) {
    this.#cache = cache;
    this.#ticket = ticket;
    this.#keep = keep;
  }

  /** `value`: the decoded value of `found`. */
  found(found: FoundValue, value: unknown): void {
    const cache = this.#cache;
    if (!cache.wants(this.#ticket)) {
      return;
    }
    const { tag, valueBytes, expiresAt } = found;
    const plain = plainOf(tag, value, found.isAscii ? 1 : 2);
    if (plain === undefined) {
      cache.fillText(this.#ticket, { tag, text: found.kept(this.#keep), bytes: valueBytes, expiresAt });
    } else {
      cache.fillPlain(this.#ticket, plain, tag, expiresAt);
    }
  }

  missing(): void {
    if (this.#cache.wants(this.#ticket)) {
      this.#cache.fillMissing(this.#ticket);
    }
  }

  failed(): void {
    if (this.#cache.wants(this.#ticket)) {
      this.#cache.forget(this.#ticket);
    }
  }
}
