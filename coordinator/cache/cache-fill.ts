import type { FoundValue, Keep } from "../value-reader.js";
import { plainOf } from "./plain-value.js";
import { CachedValue, type FillTicket, type ReadCache } from "./read-cache.js";

/** What a read of a key that was not cached does for the cache. */
export class CacheFill {
  readonly #cache: ReadCache;
  readonly #name: string;
  readonly #ticket: FillTicket;
  readonly #keep: Keep;

  constructor(cache: ReadCache, name: string, keep: Keep) {
    this.#cache = cache;
    this.#name = name;
    this.#ticket = cache.ticket(name)!;
    this.#keep = keep;
  }

  /** `value`: what it is decoded. */
  found(found: FoundValue, value: unknown): void {
    const { tag, valueBytes, expiresAt } = found;
    const plain = plainOf(tag, value, found.isAscii ? 1 : 2);
    this.#fill(
      plain === undefined
        ? CachedValue.text(this.#name, tag, found.kept(this.#keep), valueBytes, expiresAt)
        : CachedValue.plain(this.#name, tag, plain, expiresAt),
    );
  }

  missing(): void {
    this.#fill(CachedValue.missing(this.#name));
  }

  failed(): void {
    this.#fill(undefined);
  }

  #fill(value: CachedValue | undefined): void {
    this.#cache.fill(this.#name, this.#ticket, value);
  }
}
