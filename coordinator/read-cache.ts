import { LRUCache } from "lru-cache";
import type { Key } from "./keys.js";

/** What was read of a key: its encoded value, or that there is none. */
export interface CachedValue {
  isMissing: boolean;
  tag: number;
  bytes: Buffer;
  /** 0: never. */
  expiresAt: number;
}

const overheadBytes = 160;

/** For putting into the cache what reads of a key find, unless it is written in the meantime. */
export interface FillTicket {
  isValid: boolean;
  /** The reads under way that share it. */
  reads: number;
}

/**
 * Encoded values of keys that were read, in the coordinator: a hot key costs no round trip. The coordinator sees
 * every write, so the cache is exactly coherent: a write takes its key out at the call, and voids the tickets of
 * reads of it that are under way. While a key has writes on the way its reads go to the shard, behind them.
 */
export class ReadCache {
  readonly #values: LRUCache<string, CachedValue> | undefined;
  /** Tickets of reads under way, by key. */
  readonly #tickets = new Map<string, FillTicket>();
  hits = 0;
  misses = 0;

  constructor(capacityBytes: number) {
    this.#values =
      capacityBytes === 0
        ? undefined
        : new LRUCache<string, CachedValue>({
            maxSize: capacityBytes,
            sizeCalculation: (value, key) => value.bytes.length + key.length + overheadBytes,
          });
  }

  get isEnabled(): boolean {
    return this.#values !== undefined;
  }

  get bytes(): number {
    return this.#values?.calculatedSize ?? 0;
  }

  /**
   * The cache's name for a key. A string and the bytes of its UTF-8 form are one key: ASCII strings and their bytes
   * get the same name; for others only the string form is cached by name of its bytes.
   */
  nameOf(key: Key, bytes: Buffer, length: number): string {
    return typeof key === "string" && key.length === length ? key : bytes.latin1Slice(0, length);
  }

  get(name: string, nowMs: number): CachedValue | undefined {
    const found = this.#values?.get(name);
    if (found === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    return found.expiresAt !== 0 && found.expiresAt <= nowMs ? missingValue : found;
  }

  /** For a read that is about to go to the shard. */
  ticket(name: string): FillTicket | undefined {
    if (this.#values === undefined) {
      return undefined;
    }
    let ticket = this.#tickets.get(name);
    if (ticket === undefined) {
      ticket = { isValid: true, reads: 0 };
      this.#tickets.set(name, ticket);
    }
    ticket.reads += 1;
    return ticket;
  }

  /** The read is over; what it found is kept if nothing was written since. */
  fill(name: string, ticket: FillTicket, value: CachedValue | undefined): void {
    ticket.reads -= 1;
    if (ticket.reads === 0 && this.#tickets.get(name) === ticket) {
      this.#tickets.delete(name);
    }
    if (ticket.isValid && value !== undefined) {
      this.#values?.set(name, value);
    }
  }

  /** At the call of a write. */
  invalidate(name: string): void {
    if (this.#values === undefined) {
      return;
    }
    this.#values.delete(name);
    const ticket = this.#tickets.size === 0 ? undefined : this.#tickets.get(name);
    if (ticket !== undefined) {
      ticket.isValid = false;
      this.#tickets.delete(name);
    }
  }

  /** At the call of a write to many keys: a range delete or a bulk load. */
  clear(): void {
    this.#values?.clear();
    for (const ticket of this.#tickets.values()) {
      ticket.isValid = false;
    }
    this.#tickets.clear();
  }
}

export const missingValue: CachedValue = { isMissing: true, tag: 0, bytes: Buffer.alloc(0), expiresAt: 0 };
