import type { ShardSettings } from "../../shared/wire/messages.js";

/** A shard's settings from the coordinator, which checks and completes them. */
export type EngineOptions = ShardSettings;

/** Writes wait once this many memtables wait to be flushed; they are slowed at one less. */
export const maxSealedMemtables = 3;
/** The WAL is synced at the latest after this many bytes, so that no sync takes long. */
export const maxUnsyncedWalBytes = 2 * 1024 * 1024;
/** A clean close flushes a memtable larger than this; a smaller one is replayed from its WAL at the next start. */
export const closeFlushBytes = 1024 * 1024;
/** A clean close also flushes if the WAL has grown to more segments than this through many short openings. */
export const closeFlushSegments = 8;
/** A range delete that covers at most this many keys becomes plain deletes. */
export const smallRangeKeys = 256;
/** Bulk loads are sorted in parts of this size. */
export const loadPartBytes = 24 * 1024 * 1024;
/** Milliseconds until a committed bulk load is tried again after its edit could not be written to the manifest. */
export const loadCommitRetryMs = 200;
/** Milliseconds until background work is tried again after a failure that may pass (a full disk). */
export const backgroundRetryMs = 500;
