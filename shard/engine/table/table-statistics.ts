/** Counters of readers; one object may serve many tables. */
export interface TableStatistics {
  /** Lookups that asked a bloom filter. */
  filterChecks: number;
  /** Lookups that ended at a bloom filter. */
  filterNegatives: number;
  /** Lookups that passed a bloom filter although the table did not have the key. */
  filterFalsePositives: number;
  /** Blocks read from files, checked and decompressed. */
  blockReads: number;
  /** Blocks found in the block cache. */
  cacheHits: number;
}

export function newTableStatistics(): TableStatistics {
  return { filterChecks: 0, filterNegatives: 0, filterFalsePositives: 0, blockReads: 0, cacheHits: 0 };
}
