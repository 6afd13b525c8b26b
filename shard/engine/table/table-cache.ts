import { corruption, invariant } from "../../../shared/errors.js";
import type { FileIdentity } from "../../../shared/format/file-header.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import type { BlockCache } from "./block-cache.js";
import { TableReader } from "./table-reader.js";
import { newTableStatistics, type TableStatistics } from "./table-statistics.js";

interface Slot {
  reader: TableReader | undefined;
  /** Kept while the table is closed, so that its blocks are still found in the block cache. */
  readonly cacheId: number;
  readonly sequenceOverride: number | undefined;
  pins: number;
  lastUse: number;
  /** Evicted while pinned: closed when the last pin is released. */
  evicted: boolean;
}

/**
 * The open tables of a shard, by file number. Tables are opened on first use. Beyond the limit, the least recently used
 * table that is not pinned is closed. Its index and filter leave memory with it and are read again when it is opened
 * again; its data blocks stay in the block cache.
 *
 * A reader from `get` is valid until the next call here. To keep one longer, or to use a cursor of one, pin the table.
 */
export class TableCache {
  readonly statistics: TableStatistics = newTableStatistics();
  readonly #fileSystem: FileSystem;
  readonly #pathOf: (fileNumber: number) => string;
  readonly #identityOf: (fileNumber: number) => FileIdentity;
  readonly #blockCache: BlockCache;
  readonly #maxOpenTables: number;
  readonly #slots = new Map<number, Slot>();
  #open = 0;
  #uses = 0;

  /** `maxOpenTables` is at least 1; more tables are open only while more are pinned. */
  constructor(
    fileSystem: FileSystem,
    pathOf: (fileNumber: number) => string,
    identityOf: (fileNumber: number) => FileIdentity,
    blockCache: BlockCache,
    maxOpenTables: number,
  ) {
    invariant(maxOpenTables >= 1, "at least one table may be open");
    this.#fileSystem = fileSystem;
    this.#pathOf = pathOf;
    this.#identityOf = identityOf;
    this.#blockCache = blockCache;
    this.#maxOpenTables = maxOpenTables;
  }

  /** False if a block that is kept evicts another one. */
  get hasRoomForBlocks(): boolean {
    return this.#blockCache.hasRoom;
  }

  /** How many tables are open. */
  get openTables(): number {
    return this.#open;
  }

  /** Memory held by the indexes and filters of open tables. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const slot of this.#slots.values()) {
      bytes += slot.reader?.memoryBytes ?? 0;
    }
    return bytes;
  }

  /** `sequenceOverride`: see `TableReaderOptions`; always the same for a table. */
  get(fileNumber: number, sequenceOverride?: number): TableReader {
    return this.#use(fileNumber, sequenceOverride).reader!;
  }

  /** Like `get`, and keeps the table open until `unpin` was called as often as `pin`. */
  pin(fileNumber: number, sequenceOverride?: number): TableReader {
    const slot = this.#use(fileNumber, sequenceOverride);
    slot.pins += 1;
    return slot.reader!;
  }

  unpin(fileNumber: number): void {
    const slot = this.#slots.get(fileNumber);
    invariant(slot !== undefined && slot.pins > 0, "what is unpinned was pinned");
    slot.pins -= 1;
    if (slot.pins > 0) {
      return;
    }
    if (slot.evicted) {
      this.#drop(fileNumber, slot);
    } else {
      this.#closeSurplus(slot);
    }
  }

  /** Forgets a table whose file is deleted, with its blocks. A pinned table stays open until it is unpinned. */
  evict(fileNumber: number): void {
    const slot = this.#slots.get(fileNumber);
    if (slot === undefined) {
      return;
    }
    slot.evicted = true;
    if (slot.pins === 0) {
      this.#drop(fileNumber, slot);
    }
  }

  /** Closes all tables, pinned or not. */
  close(): void {
    for (const [fileNumber, slot] of this.#slots) {
      this.#drop(fileNumber, slot);
    }
  }

  #use(fileNumber: number, sequenceOverride: number | undefined): Slot {
    let slot = this.#slots.get(fileNumber);
    if (slot === undefined) {
      const cacheId = this.#blockCache.newTableId();
      slot = { reader: undefined, cacheId, sequenceOverride, pins: 0, lastUse: 0, evicted: false };
      this.#slots.set(fileNumber, slot);
    }
    invariant(slot.sequenceOverride === sequenceOverride, "a table's sequence override never changes");
    this.#uses += 1;
    slot.lastUse = this.#uses;
    if (slot.reader === undefined) {
      slot.reader = this.#openTable(fileNumber, slot);
      this.#open += 1;
      this.#closeSurplus(slot);
    }
    return slot;
  }

  #openTable(fileNumber: number, slot: Slot): TableReader {
    const path = this.#pathOf(fileNumber);
    const identity = this.#identityOf(fileNumber);
    const { statistics } = this;
    const { cacheId, sequenceOverride } = slot;
    try {
      return TableReader.open(this.#fileSystem, path, identity, this.#blockCache, {
        statistics,
        cacheId,
        sequenceOverride,
      });
    } catch (error) {
      if (!this.#fileSystem.exists(path)) {
        throw corruption(path, undefined, "a live file is missing", error);
      }
      throw error;
    }
  }

  /** Closes tables until the limit is met, except pinned ones and `except`. */
  #closeSurplus(except: Slot): void {
    while (this.#open > this.#maxOpenTables) {
      let oldest: Slot | undefined;
      for (const slot of this.#slots.values()) {
        const mayClose = slot.reader !== undefined && slot.pins === 0 && slot !== except;
        if (mayClose && (oldest === undefined || slot.lastUse < oldest.lastUse)) {
          oldest = slot;
        }
      }
      if (oldest === undefined) {
        return;
      }
      this.#closeReader(oldest);
    }
  }

  #closeReader(slot: Slot): void {
    const { reader } = slot;
    if (reader !== undefined) {
      slot.reader = undefined;
      this.#open -= 1;
      reader.close();
    }
  }

  #drop(fileNumber: number, slot: Slot): void {
    this.#slots.delete(fileNumber);
    this.#blockCache.evictTable(slot.cacheId);
    this.#closeReader(slot);
  }
}
