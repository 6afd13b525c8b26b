import type { ShardSettings } from "../../shared/wire/messages.js";

/** What the coordinator tells a shard about how to work; checked there, complete here. */
export type EngineOptions = ShardSettings;

/** A write waits where this many memtables wait to be flushed; it is slowed at one less. */
export const maxSealedMemtables = 3;
/** The WAL is synced after this many bytes at the latest, so that no sync has much to do. */
export const maxUnsyncedWalBytes = 2 * 1024 * 1024;
/** A clean close writes a larger memtable out; a smaller one is replayed from its WAL at the next start. */
export const closeFlushBytes = 1024 * 1024;
/** ... and so does one whose WAL has come to more segments than this through many short openings. */
export const closeFlushSegments = 8;
/** A range delete that covers no more keys than this becomes plain deletes. */
export const smallRangeKeys = 256;
/** Bulk loads are sorted in parts of this size. */
export const loadPartBytes = 24 * 1024 * 1024;
/** A committed bulk load that finds no room for its entry in the manifest is tried again this much later. */
export const loadCommitRetryMs = 200;
/** After a background failure that may pass (a full disk) it is tried again this much later. */
export const backgroundRetryMs = 500;
