import type { FoundValue, Keep } from "../value-reader.js";
import { plainOf } from "./plain-value.js";
import type { FillTicket, ReadCache } from "./read-cache.js";

/** What a read of a key that was not cached does for the cache. */
export class CacheFill {
  readonly #cache: ReadCache;
  readonly #ticket: FillTicket;
  readonly #keep: Keep;

  constructor(cache: ReadCache, ticket: FillTicket, keep: Keep) {
    this.#cache = cache;
    this.#ticket = ticket;
    this.#keep = keep;
  }

  /** `value`: what it is decoded. */
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
