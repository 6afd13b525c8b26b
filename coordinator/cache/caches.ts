import type { ByteString } from "../../shared/bytes.js";
import { type FillTicket, ReadCache } from "./read-cache.js";
import { ScanCache } from "./scan-cache.js";

/**
 * The coordinator's caches of what was read. Both are told of every write when it is called, and are therefore exactly
 * coherent.
 */
export class Caches {
  readonly values: ReadCache;
  readonly scans: ScanCache;

  constructor(sizes: { readCacheSize: number; scanCacheSize: number }, shards: number) {
    this.values = new ReadCache(sizes.readCacheSize);
    this.scans = new ScanCache(sizes.scanCacheSize, shards, this.values.lender);
  }

  /** Whether the caches need the name of each written key. */
  get wantKeys(): boolean {
    return this.values.isEnabled || this.scans.isEnabled;
  }

  /** Notes the write of a key. `mayBeScanned` is false if no scan is running. `isPut`: see `ReadCache.invalidate`. */
  noteWritten(shard: number, key: ByteString, mayBeScanned: boolean, isPut: boolean): FillTicket | undefined {
    this.scans.invalidate(shard, key, mayBeScanned);
    return this.values.invalidate(key, isPut);
  }

  /** Notes a write whose keys are not known one by one. */
  noteManyWritten(): void {
    this.values.clear();
    this.scans.clear();
  }
}
