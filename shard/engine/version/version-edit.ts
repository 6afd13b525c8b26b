/**
 * A version edit: the payload of a manifest record, msgpack of the plain object below. FROZEN (format version 1). A
 * manifest begins with the whole state: one edit, or several of which the last has `logNumber`. Unknown fields are
 * rejected: an older FastKV must not lose what a newer one wrote.
 */

import { Packr } from "msgpackr";
import { excerpt } from "../../../shared/bytes.js";
import { unpackChecked } from "../../../shared/codec/checked-unpack.js";
import { FastKVError } from "../../../shared/errors.js";
import type { RangeDelete } from "../read-path/range-delete.js";
import type { TableInfo } from "../table/table-format.js";
import { type LiveTable, levelCount } from "./version.js";

export interface VersionEdit {
  addedTables?: { level: number; table: LiveTable }[];
  /** File numbers. */
  removedTables?: number[];
  /** WAL segments below this number are no longer needed. */
  logNumber?: number;
  /** New WAL segments, which must exist at the next start. */
  addedLogs?: number[];
  /** Every operation up to this sequence number is in tables. */
  flushedSequence?: number;
  /** Sequence numbers of bulk loads whose tables are in the manifest although their WAL segment is still live. */
  ingested?: number[];
  nextFileNumber?: number;
  /** The coordinator's clock when the edit was made. It never runs backwards, not even across restarts. */
  timeMs?: number;
  addedRangeDeletes?: RangeDelete[];
  /** Sequence numbers of range deletes that no longer hide anything. */
  removedRangeDeletes?: number[];
  /** Only in the last edit of a clean close: every file of the shard, by name, with its exact size in bytes. */
  cleanFiles?: Record<string, number>;
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

const isNumber = (value: unknown): boolean =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;
const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every(isNumber);
const isString = (value: unknown): boolean => typeof value === "string";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const infoNumbers: (keyof TableInfo)[] = [
  "fileNumber",
  "sizeBytes",
  "entries",
  "puts",
  "deletes",
  "keys",
  "minSequence",
  "maxSequence",
  "minExpiresAt",
  "maxExpiresAt",
  "rawBytes",
];

export function isTableInfo(value: unknown): value is TableInfo {
  return (
    isRecord(value) &&
    infoNumbers.every((field) => isNumber(value[field])) &&
    isString(value.smallest) &&
    isString(value.largest)
  );
}

function isAddedTable(value: unknown): boolean {
  if (!isRecord(value) || !isNumber(value.level) || (value.level as number) >= levelCount) {
    return false;
  }
  const { table } = value;
  return (
    isRecord(table) &&
    isTableInfo(table) &&
    isNumber(table.sequenceOverride) &&
    isNumber(table.clearedSequence)
  );
}

function isRangeDelete(value: unknown): boolean {
  return (
    isRecord(value) &&
    isNumber(value.sequence) &&
    isString(value.lower) &&
    (value.upper === null || isString(value.upper))
  );
}

const fieldChecks: Record<keyof VersionEdit, (value: unknown) => boolean> = {
  addedTables: (value) => Array.isArray(value) && value.every(isAddedTable),
  removedTables: isNumbers,
  logNumber: isNumber,
  addedLogs: isNumbers,
  flushedSequence: isNumber,
  ingested: isNumbers,
  nextFileNumber: isNumber,
  timeMs: isNumber,
  addedRangeDeletes: (value) => Array.isArray(value) && value.every(isRangeDelete),
  removedRangeDeletes: isNumbers,
  cleanFiles: (value) => isRecord(value) && Object.values(value).every(isNumber),
};

/** Returns a copy that the caller may keep. */
export function encodeVersionEdit(edit: VersionEdit): Buffer {
  return Buffer.from(packr.pack(edit));
}

/** Throws `FASTKV_CORRUPTION` without a place, which the caller knows. */
export function decodeVersionEdit(payload: Buffer): VersionEdit {
  let edit: unknown;
  try {
    edit = unpackChecked(payload);
  } catch (cause) {
    throw new FastKVError("FASTKV_CORRUPTION", "A version edit cannot be decoded", { cause });
  }
  if (!isRecord(edit)) {
    throw new FastKVError("FASTKV_CORRUPTION", "A version edit is no object");
  }
  for (const [field, value] of Object.entries(edit)) {
    const isValid = Object.hasOwn(fieldChecks, field) && fieldChecks[field as keyof VersionEdit](value);
    if (!isValid) {
      throw new FastKVError(
        "FASTKV_CORRUPTION",
        `A version edit has an unknown or malformed field ${excerpt(field)}`,
      );
    }
  }
  return edit;
}
