/**
 * The batch log: makes a batch on several shards atomic. Such a batch is written here completely before it counts.
 * Recovery then gives each shard the parts it lacks, and makes a shard drop the parts that are not here.
 *
 * Files `batch-log-<number>` in the database's folder, record logs (shared/record-log/record-log.ts) with
 *
 * **type 1, start** (the first record of each file): 8 bytes, the highest sequence number in any earlier file. An
 * earlier file is removed only when every shard has made its parts of all its batches durable. So in the oldest
 * remaining file, no batch up to this number needs a record any more.
 *
 * **type 3, restart** (instead of a start): the same 8 bytes, in a file that makes all earlier ones obsolete. These may
 * still exist after a crash, with torn ends. The file repeats those of their batches that some shard lacks; up to the
 * number, nothing else needs a record any more.
 *
 * **type 2, batches**: one or more batches in sequence; the record's first sequence number is the first batch's. FROZEN
 * (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0     8  sequence number
 *          8     4  number of parts N
 *         12        N parts: shard index (4), section length L (4), a section of operations (L), whose sequence
 *                   deltas are 0 and whose operations have the flag `logged`
 */

import { readUint64, writeUint64 } from "../../shared/bytes.js";
import { corruption } from "../../shared/errors.js";
import { coordinatorIndex, type FileHeader, fileKind } from "../../shared/format/file-header.js";
import { OperationReader, operationKind } from "../../shared/format/operations.js";

export const recordType = { start: 1, batches: 2, restart: 3 } as const;
export const namePattern = /^batch-log-(\d{6,})$/;
export const temporaryPattern = /^batch-log-\d{6,}\.tmp$/;
const startBytes = 8;
const batchHeaderBytes = 12;
const partHeaderBytes = 8;

export interface BatchPart {
  shard: number;
  /** Operations with sequence delta 0 and the flag `logged`. */
  section: Buffer;
}

export interface LoggedBatch {
  sequence: number;
  parts: BatchPart[];
}

export function pathOf(folder: string, fileNumber: number): string {
  return `${folder}/batch-log-${String(fileNumber).padStart(6, "0")}`;
}

export function headerOf(databaseId: Uint8Array, epoch: number, fileNumber: number): FileHeader {
  return { kind: fileKind.batchLog, databaseId, shardIndex: coordinatorIndex, epoch, fileNumber };
}

/** Returns the sequence number in a record of type start or restart. */
export function decodeStart(payload: Buffer, path: string, offset: number): number {
  const sequence = payload.length === startBytes ? readUint64(payload, 0) : Number.NaN;
  if (Number.isNaN(sequence)) {
    throw corruption(path, offset, "the first record has no sequence number");
  }
  return sequence;
}

export function decodeBatches(payload: Buffer, path: string, offset: number): LoggedBatch[] {
  const batches: LoggedBatch[] = [];
  let at = 0;
  const need = (bytes: number): void => {
    if (at + bytes > payload.length) {
      throw corruption(path, offset, "a batch does not fit into its record");
    }
  };
  while (at < payload.length) {
    need(batchHeaderBytes);
    const sequence = readUint64(payload, at);
    if (Number.isNaN(sequence)) {
      throw corruption(path, offset, "a batch has an impossible sequence number");
    }
    const count = payload.readUInt32LE(at + 8);
    at += batchHeaderBytes;
    const parts: BatchPart[] = [];
    for (let part = 0; part < count; part++) {
      need(partHeaderBytes);
      const shard = payload.readUInt32LE(at);
      const length = payload.readUInt32LE(at + 4);
      at += partHeaderBytes;
      need(length);
      const section = Buffer.from(payload.subarray(at, at + length));
      checkPart(section, `batch ${sequence}`, path, offset);
      parts.push({ shard, section });
      at += length;
    }
    batches.push({ sequence, parts });
  }
  return batches;
}

/** Checks a part, since a shard applies it unchanged: one that it cannot read would end it again and again. */
function checkPart(section: Buffer, batch: string, path: string, offset: number): void {
  const reader = new OperationReader(section);
  let isMarked = true;
  try {
    while (reader.next()) {
      isMarked &&= reader.logged && reader.sequenceDelta === 0;
    }
  } catch (error) {
    throw corruption(path, offset, `${batch}: ${(error as Error).message}`, error);
  }
  if (!isMarked) {
    throw corruption(path, offset, `${batch}: an operation is not marked as part of a logged batch`);
  }
}

export function encodeBatches(batches: readonly LoggedBatch[]): Buffer {
  const total = batches.reduce((sum, batch) => sum + batchBytes(batch), 0);
  const bytes = Buffer.allocUnsafeSlow(total);
  let at = 0;
  for (const { sequence, parts } of batches) {
    writeUint64(bytes, sequence, at);
    bytes.writeUInt32LE(parts.length, at + 8);
    at += batchHeaderBytes;
    for (const { shard, section } of parts) {
      bytes.writeUInt32LE(shard, at);
      bytes.writeUInt32LE(section.length, at + 4);
      section.copy(bytes, at + partHeaderBytes);
      at += partHeaderBytes + section.length;
    }
  }
  return bytes;
}

export function batchBytes(batch: LoggedBatch): number {
  return batch.parts.reduce((sum, part) => sum + partHeaderBytes + part.section.length, batchHeaderBytes);
}

/** Returns the bulk loads that these batches commit, as hexadecimal ids. */
export function committedLoads(batches: readonly LoggedBatch[]): string[] {
  const loads: string[] = [];
  for (const { parts } of batches) {
    const reader = new OperationReader(parts[0]?.section ?? Buffer.alloc(0));
    if (reader.next() && reader.kind === operationKind.ingest) {
      loads.push(reader.buffer.toString("hex", reader.valueStart, reader.end));
    }
  }
  return loads;
}
