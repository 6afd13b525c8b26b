import type { LoadedBatchLog } from "./load-batch-log.js";

/**
 * What is known of batches over several shards, for a shard that starts. It comes from the log of the last life or,
 * once that is open, from the log of this life.
 */
export interface KnownBatches {
  /** Every batch up to here has its record. */
  readonly writtenSequence: number;
  /** Every batch up to here has its record on disk. */
  readonly syncedSequence: number;
  /** Parts of batches up to this number count. Parts of later batches count if they are among `loggedSequences`. */
  readonly cutSequence: number;
  /** The batches that have a record, or will have one. */
  loggedSequences(): number[];
  /** The bulk loads among them, as hexadecimal ids. */
  committedLoads(): string[];
}

export function batchesOf({ lastSequence, cutSequence, batches, loads }: LoadedBatchLog): KnownBatches {
  return {
    writtenSequence: lastSequence,
    syncedSequence: lastSequence,
    cutSequence,
    loggedSequences: () => batches.map((batch) => batch.sequence),
    committedLoads: () => loads,
  };
}
