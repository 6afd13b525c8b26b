import type { FoundValue, Keep } from "../value-reader.js";
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

  found(found: FoundValue): void {
    const { tag, valueBytes, expiresAt } = found;
    const kept = found.kept(this.#keep);
    this.#fill(CachedValue.found(this.#name, tag, kept, valueBytes, expiresAt));
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
