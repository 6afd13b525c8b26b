/** What a write to a record log holds, as far as it tells the step. */

import { decodeVersionEdit } from "../../../../shard/engine/version/version-edit.js";
import { readUint64 } from "../../../../shared/bytes.js";
import { OperationReader, operationKind } from "../../../../shared/format/operations.js";
import { recordHeaderBytes } from "../../../../shared/record-log/record-format.js";

const recordMagic = 0x5256_4b46;
const batchHeaderBytes = 12;
const partHeaderBytes = 8;

/** False for a file's header. */
export function isRecord(bytes: Buffer): boolean {
  return bytes.length > recordHeaderBytes && bytes.readUInt32LE(0) === recordMagic;
}

/** The writes in a WAL record; undefined where it is the one that starts a segment. */
function writesIn(record: Buffer): OperationReader | undefined {
  return record[8] === 1 ? new OperationReader(record, recordHeaderBytes) : undefined;
}

/** The sequence numbers of the parts of logged batches in a WAL record. */
export function loggedSequences(record: Buffer): number[] {
  const first = readUint64(record, 16);
  const reader = writesIn(record);
  const found = new Set<number>();
  while (reader?.next()) {
    if (reader.logged) {
      found.add(first + reader.sequenceDelta);
    }
  }
  return [...found];
}

export function walHasCommit(record: Buffer): boolean {
  const reader = writesIn(record);
  while (reader?.next()) {
    if (reader.kind === operationKind.ingest) {
      return true;
    }
  }
  return false;
}

export function manifestHasCommit(record: Buffer): boolean {
  const { ingested } = decodeVersionEdit(record.subarray(recordHeaderBytes));
  return ingested !== undefined && ingested.length > 0;
}

/** A batch in a record of the batch log. */
export interface RecordedBatch {
  sequence: number;
  shards: number[];
  isCommit: boolean;
}

/** The batches in a record of the batch log; none in the record that starts a file. */
export function recordedBatches(record: Buffer): RecordedBatch[] {
  const batches: RecordedBatch[] = [];
  const isStart = record[8] !== 2;
  for (let at = recordHeaderBytes; !isStart && at < record.length; ) {
    const batch: RecordedBatch = { sequence: readUint64(record, at), shards: [], isCommit: false };
    const parts = record.readUInt32LE(at + 8);
    at += batchHeaderBytes;
    for (let part = 0; part < parts; part++) {
      const length = record.readUInt32LE(at + 4);
      batch.shards.push(record.readUInt32LE(at));
      const reader = new OperationReader(record, at + partHeaderBytes, at + partHeaderBytes + length);
      batch.isCommit ||= reader.next() && reader.kind === operationKind.ingest;
      at += partHeaderBytes + length;
    }
    batches.push(batch);
  }
  return batches;
}
