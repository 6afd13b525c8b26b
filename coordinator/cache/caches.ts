import type { ByteString } from "../../shared/bytes.js";
import { type FillTicket, ReadCache } from "./read-cache.js";
import { ScanCache } from "./scan-cache.js";

/** What the coordinator keeps of what was read. Both caches are told of every write at its call, which keeps them exactly coherent. */
export class Caches {
  readonly values: ReadCache;
  readonly scans: ScanCache;

  constructor(sizes: { readCacheSize: number; scanCacheSize: number }, shards: number) {
    this.values = new ReadCache(sizes.readCacheSize);
    this.scans = new ScanCache(sizes.scanCacheSize, shards, this.values.lender);
  }

  /** Whether they are to be told of each key that is written. */
  get wantKeys(): boolean {
    return this.values.isEnabled || this.scans.isEnabled;
  }

  /**
   * A write of this key. `mayBeScanned` false: no scan is under way. `isPut`: see `ReadCache.invalidate`.
   */
  noteWritten(shard: number, key: ByteString, mayBeScanned: boolean, isPut: boolean): FillTicket | undefined {
    this.scans.invalidate(shard, key, mayBeScanned);
    return this.values.invalidate(key, isPut);
  }

  /** A write to keys that nobody names. */
  noteManyWritten(): void {
    this.values.clear();
    this.scans.clear();
  }
}
