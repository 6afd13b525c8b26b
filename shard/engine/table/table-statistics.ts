/** What readers count; one object may serve many tables. */
export interface TableStatistics {
  /** Lookups that asked a bloom filter. */
  filterChecks: number;
  /** Lookups that a bloom filter ended. */
  filterNegatives: number;
  /** Lookups that a bloom filter let through to a table that did not have the key. */
  filterFalsePositives: number;
  /** Blocks read from files, checked and decompressed. */
  blockReads: number;
  /** Blocks found in the block cache. */
  cacheHits: number;
}

export function newTableStatistics(): TableStatistics {
  return { filterChecks: 0, filterNegatives: 0, filterFalsePositives: 0, blockReads: 0, cacheHits: 0 };
}
