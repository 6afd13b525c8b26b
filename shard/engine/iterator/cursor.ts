/**
 * The common interface of everything ordered in a shard: memtables, tables, levels, and the merge of them.
 *
 * Entries are ordered by key (unsigned byte order), and for one key by sequence number, newest first. All fields
 * describe the current entry and mean nothing while `valid` is false. `valueBuffer` is only lent: it may change when
 * the cursor moves, so copy a value to keep it.
 */

import type { ByteString } from "../../../shared/bytes.js";

/** FROZEN (stored in tables): the same values as `operationKind.put` and `.delete`. */
export const entryKind = { put: 1, delete: 2 } as const;
export type EntryKind = (typeof entryKind)[keyof typeof entryKind];

/** An entry: the result of a point read, or the current entry of a cursor. */
export interface Entry {
  sequence: number;
  kind: EntryKind;
  /** The value's encoding tag; 0 for a delete. */
  tag: number;
  /** Milliseconds since the epoch; 0 means never. */
  expiresAt: number;
  valueBuffer: Buffer;
  valueStart: number;
  valueEnd: number;
}

export interface Cursor extends Entry {
  readonly valid: boolean;
  key: ByteString;
  seekToFirst(): void;
  seekToLast(): void;
  /** Moves to the first entry (the newest version) whose key is at or after `target`. */
  seek(target: ByteString): void;
  /** Moves to the last entry (the oldest version) whose key is before `target`. */
  seekBefore(target: ByteString): void;
  next(): void;
  prev(): void;
}
