import type { LoadedBatchLog } from "./load-batch-log.js";

/**
 * What is known of the batches that span shards, for a shard that starts: from the log of the last life, or, once it is
 * open, from the log of this one.
 */
export interface KnownBatches {
  /** Every batch up to here has its record. */
  readonly writtenSequence: number;
  /** Every batch up to here has its record on disk. */
  readonly syncedSequence: number;
  /** A part of a batch up to here counts; one of a later batch counts where it is among `loggedSequences`. */
  readonly cutSequence: number;
  /** The batches that have a record, or will have one. */
  loggedSequences(): number[];
  /** The ids of the bulk loads among them, as hexadecimal. */
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
