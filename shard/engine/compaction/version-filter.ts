/**
 * Decides which versions of a key survive a flush or a compaction.
 *
 * The versions of a key come newest first. A version is dropped if something newer (another version or a range delete)
 * hides it and no hold lies between the two. A delete, or an expired put that no hold can still see, is dropped if
 * nothing older of its key is left, neither later in this merge nor in any deeper level.
 */

import type { ByteString } from "../../../shared/bytes.js";
import { type Cursor, type EntryKind, entryKind } from "../iterator/cursor.js";
import type { HoldView } from "../read-path/holds.js";
import { hidingSequence, type RangeDelete } from "../read-path/range-delete.js";

export interface FilterContext {
  holds: HoldView;
  rangeDeletes: readonly RangeDelete[];
  /** The coordinator's clock when the job started. */
  timeMs: number;
  /** Keeps every version: during recovery the snapshots are not known yet. */
  retainAll: boolean;
  /** Whether a deeper level than the output may hold the key. */
  mayLieDeeper: (key: ByteString) => boolean;
}

export interface EntrySink {
  add(
    key: ByteString,
    sequence: number,
    kind: EntryKind,
    tag: number,
    expiresAt: number,
    valueBuffer: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void;
}

const noBytes = Buffer.alloc(0);

/** Copies the surviving entries of `cursor`, from its current position to its end, into `sink`. */
export function copySurvivors(cursor: Cursor, context: FilterContext, sink: EntrySink): void {
  /** Deletes of the current key. They are written only if something older of the key is left. */
  let pendingDeletes: number[] = [];
  let key: ByteString | undefined;
  let newerSequence = 0;

  const finishKey = (): void => {
    if (key !== undefined && pendingDeletes.length > 0 && context.mayLieDeeper(key)) {
      writeDeletes(key, pendingDeletes, sink);
    }
    pendingDeletes = [];
  };

  for (; cursor.valid; cursor.next()) {
    if (cursor.key !== key) {
      finishKey();
      key = cursor.key;
      newerSequence = 0;
    }
    const { sequence } = cursor;
    const isHidden = isHiddenFromAll(key, sequence, newerSequence, context);
    newerSequence = sequence;
    if (isHidden) {
      continue;
    }
    if (cursor.kind === entryKind.delete || hasExpiredForAll(cursor, context)) {
      pendingDeletes.push(sequence);
      continue;
    }
    if (pendingDeletes.length > 0) {
      writeDeletes(key, pendingDeletes, sink);
      pendingDeletes = [];
    }
    sink.add(
      key,
      sequence,
      cursor.kind,
      cursor.tag,
      cursor.expiresAt,
      cursor.valueBuffer,
      cursor.valueStart,
      cursor.valueEnd,
    );
  }
  finishKey();
}

function writeDeletes(key: ByteString, sequences: readonly number[], sink: EntrySink): void {
  for (const sequence of sequences) {
    sink.add(key, sequence, entryKind.delete, 0, 0, noBytes, 0, 0);
  }
}

function isHiddenFromAll(key: ByteString, sequence: number, newer: number, context: FilterContext): boolean {
  if (context.retainAll) {
    return false;
  }
  let hiding = newer;
  if (context.rangeDeletes.length > 0) {
    const range = hidingSequence(context.rangeDeletes, key, sequence, Number.POSITIVE_INFINITY);
    if (range > 0 && (hiding === 0 || range < hiding)) {
      hiding = range;
    }
  }
  return hiding > 0 && !context.holds.needs(sequence, hiding);
}

function hasExpiredForAll(cursor: Cursor, context: FilterContext): boolean {
  return (
    cursor.expiresAt > 0 &&
    cursor.expiresAt <= context.timeMs &&
    !context.retainAll &&
    !context.holds.needsExpired(cursor.sequence, cursor.expiresAt)
  );
}
