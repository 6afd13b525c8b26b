import type { Block } from "./block-reader.js";

/** Memory that a block takes in addition to its content: objects and slots. */
const overheadBytes = 400;
/** A block larger than the capacity divided by this is not kept: it would evict too many others. */
const largestPart = 4;
/** With less than this to spare the cache counts as full. */
const roomBytes = 256 * 1024;
const none = -1;
/** Blocks that were missed recently and not admitted are remembered: about one per this many bytes of the cache. */
const bytesPerMissed = 8 * 1024;
const { imul } = Math;

export interface BlockCacheStatistics {
  hits: number;
  misses: number;
  evictions: number;
  /** Bytes held now, overhead included. */
  bytes: number;
  blocks: number;
  capacityBytes: number;
}

/**
 * Decoded blocks of all tables, bounded in bytes. Eviction is SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI
 * 2024): blocks queue in the order they came. A hand moves from the oldest to the newest, spares blocks that were hit
 * since it last passed, and evicts the first one that was not. A hit only sets a mark, and blocks that are read once,
 * as by a scan, are evicted first.
 *
 * A hash table in typed arrays, keyed by two numbers, so that a hit or a miss allocates nothing.
 */
export class BlockCache {
  readonly capacityBytes: number;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #bytes = 0;
  #count = 0;
  #lastTableId = 0;

  #slots: (Block | undefined)[] = [];
  #tables = new Int32Array(0);
  #ordinals = new Int32Array(0);
  #sizes = new Float64Array(0);
  #visited = new Uint8Array(0);
  #newer = new Int32Array(0);
  #older = new Int32Array(0);
  /** The next slot in the same bucket, or the next free slot. */
  #chain = new Int32Array(0);
  #buckets = new Int32Array(0);
  #free = none;
  #newest = none;
  #oldest = none;
  #hand = none;
  /** Fingerprints of missed blocks, each at the only position that it may have. */
  readonly #missed: Int32Array;

  /** 0 switches the cache off. */
  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
    this.#grow(256);
    this.#missed = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(1, capacityBytes / bytesPerMissed))));
  }

  /**
   * Whether a missed block is worth keeping. A full cache admits only blocks that were also missed not long ago: each
   * admitted block has memory of its own, and each evicted block leaves memory for V8 to collect.
   */
  admits(tableId: number, ordinal: number): boolean {
    if (this.hasRoom) {
      return true;
    }
    if (this.capacityBytes === 0) {
      return false;
    }
    const fingerprint = mix(tableId, ordinal);
    const at = (fingerprint >>> 8) & (this.#missed.length - 1);
    if (this.#missed[at] === fingerprint) {
      return true;
    }
    this.#missed[at] = fingerprint;
    return false;
  }

  /** False if adding a block evicts another one. */
  get hasRoom(): boolean {
    return this.#bytes < this.capacityBytes - roomBytes;
  }

  /** Returns a new number under which a table's blocks are kept. */
  newTableId(): number {
    this.#lastTableId += 1;
    return this.#lastTableId;
  }

  /** `ordinal` is the position of the block in the table. */
  get(tableId: number, ordinal: number): Block | undefined {
    const slot = this.#find(tableId, ordinal);
    if (slot === none) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#visited[slot] = 1;
    return this.#slots[slot];
  }

  /** Keeps the block unless it is too large for the cache. A block that is already there stays. */
  set(tableId: number, ordinal: number, block: Block): void {
    const size = block.buffer.length + overheadBytes;
    if (size > this.capacityBytes / largestPart || this.#find(tableId, ordinal) !== none) {
      return;
    }
    while (this.#bytes + size > this.capacityBytes) {
      this.#evictOne();
    }
    if (this.#free === none) {
      this.#grow(this.#slots.length * 2);
    }
    const slot = this.#free;
    this.#free = this.#chain[slot]!;
    this.#slots[slot] = block;
    this.#tables[slot] = tableId;
    this.#ordinals[slot] = ordinal;
    this.#sizes[slot] = size;
    this.#visited[slot] = 0;
    this.#older[slot] = this.#newest;
    this.#newer[slot] = none;
    if (this.#newest === none) {
      this.#oldest = slot;
    } else {
      this.#newer[this.#newest] = slot;
    }
    this.#newest = slot;
    this.#addToBucket(slot);
    this.#bytes += size;
    this.#count += 1;
  }

  /** Drops all blocks of a deleted table. Looks at every slot. */
  evictTable(tableId: number): void {
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      if (this.#slots[slot] !== undefined && this.#tables[slot] === tableId) {
        this.#remove(slot);
      }
    }
  }

  statistics(): BlockCacheStatistics {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      bytes: this.#bytes,
      blocks: this.#count,
      capacityBytes: this.capacityBytes,
    };
  }

  #find(tableId: number, ordinal: number): number {
    let slot = this.#buckets[this.#bucketOf(tableId, ordinal)]!;
    while (slot !== none && (this.#ordinals[slot] !== ordinal || this.#tables[slot] !== tableId)) {
      slot = this.#chain[slot]!;
    }
    return slot;
  }

  /** The number of buckets is a power of two. */
  #bucketOf(tableId: number, ordinal: number): number {
    return mix(tableId, ordinal) & (this.#buckets.length - 1);
  }

  #addToBucket(slot: number): void {
    const bucket = this.#bucketOf(this.#tables[slot]!, this.#ordinals[slot]!);
    this.#chain[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
  }

  #evictOne(): void {
    let slot = this.#hand === none ? this.#oldest : this.#hand;
    while (this.#visited[slot] === 1) {
      this.#visited[slot] = 0;
      slot = this.#newer[slot] === none ? this.#oldest : this.#newer[slot]!;
    }
    this.#hand = slot;
    this.#evictions += 1;
    this.#remove(slot);
  }

  #remove(slot: number): void {
    const newer = this.#newer[slot]!;
    const older = this.#older[slot]!;
    if (this.#hand === slot) {
      this.#hand = newer;
    }
    if (newer === none) {
      this.#newest = older;
    } else {
      this.#older[newer] = older;
    }
    if (older === none) {
      this.#oldest = newer;
    } else {
      this.#newer[older] = newer;
    }
    const bucket = this.#bucketOf(this.#tables[slot]!, this.#ordinals[slot]!);
    let at = this.#buckets[bucket]!;
    if (at === slot) {
      this.#buckets[bucket] = this.#chain[slot]!;
    } else {
      while (this.#chain[at] !== slot) {
        at = this.#chain[at]!;
      }
      this.#chain[at] = this.#chain[slot]!;
    }
    this.#slots[slot] = undefined;
    this.#chain[slot] = this.#free;
    this.#free = slot;
    this.#bytes -= this.#sizes[slot]!;
    this.#count -= 1;
  }

  /** Grows to `capacity` blocks; called when no slot is free. */
  #grow(capacity: number): void {
    const used = this.#slots.length;
    this.#tables = enlarged(this.#tables, capacity);
    this.#ordinals = enlarged(this.#ordinals, capacity);
    this.#newer = enlarged(this.#newer, capacity);
    this.#older = enlarged(this.#older, capacity);
    this.#chain = enlarged(this.#chain, capacity);
    const sizes = new Float64Array(capacity);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    const visited = new Uint8Array(capacity);
    visited.set(this.#visited);
    this.#visited = visited;
    this.#buckets = new Int32Array(capacity * 2).fill(none);
    for (let slot = 0; slot < used; slot += 1) {
      this.#addToBucket(slot);
    }
    for (let slot = capacity - 1; slot >= used; slot -= 1) {
      this.#chain[slot] = this.#free;
      this.#free = slot;
    }
    while (this.#slots.length < capacity) {
      this.#slots.push(undefined);
    }
  }
}

function enlarged(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}

function mix(tableId: number, ordinal: number): number {
  const mixed = imul(imul(tableId, 0x9e3779b1) + ordinal, 0x85ebca77);
  return mixed ^ (mixed >>> 15);
}
