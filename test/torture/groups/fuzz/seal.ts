/** Right checksums for changed files: the lengths are taken as they stand, however wrong. */

import { blockTrailerBytes, placeMark } from "../../../../shard/engine/table/block-format.js";
import { footerBytes } from "../../../../shard/engine/table/table-format.js";
import { writeUint64 } from "../../../../shared/bytes.js";
import { checksum } from "../../../../shared/checksum.js";
import { fileHeaderBytes } from "../../../../shared/format/file-header.js";
import { recordHeaderBytes } from "../../../../shared/record-log/record-format.js";
import type { Field } from "./mutate.js";

export function sealHeader(bytes: Buffer): void {
  if (bytes.length >= fileHeaderBytes) {
    bytes.writeUInt32LE(checksum(bytes.subarray(0, 60)), 60);
  }
}

/** Where records stand, as far as their lengths lead. */
function* recordsOf(bytes: Buffer): Generator<{ start: number; end: number }> {
  for (let start = fileHeaderBytes; start + recordHeaderBytes <= bytes.length; ) {
    const end = start + recordHeaderBytes + bytes.readUInt32LE(start + 4);
    yield { start, end };
    start = end;
  }
}

export function sealLog(bytes: Buffer): void {
  sealHeader(bytes);
  if (bytes.length < fileHeaderBytes) {
    return;
  }
  const fileMark = checksum(bytes.subarray(40, 48), checksum(bytes.subarray(12, 36)));
  for (const { start, end } of recordsOf(bytes)) {
    const offset = Buffer.alloc(8);
    writeUint64(offset, start, 0);
    const place = checksum(offset, fileMark);
    bytes.writeUInt32LE(checksum(bytes.subarray(start + recordHeaderBytes, end), place), start + 40);
    bytes.writeUInt32LE(checksum(bytes.subarray(start, start + 44), place), start + 44);
  }
}

export function logFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (const { start } of recordsOf(bytes)) {
    fields.push(
      { at: start + 4, sizeBytes: 4 },
      { at: start + 8, sizeBytes: 1 },
      { at: start + 16, sizeBytes: 8 },
      { at: start + 24, sizeBytes: 8 },
      { at: start + 32, sizeBytes: 8 },
      // What stands first in a payload: the kind and lengths of an operation, a batch's sequence number and count.
      { at: start + 48, sizeBytes: 4 },
      { at: start + 52, sizeBytes: 4 },
      { at: start + 56, sizeBytes: 4 },
    );
  }
  return fields;
}

/** The blocks that footer and index lead to, and the footer. */
export function sealTable(bytes: Buffer): void {
  sealHeader(bytes);
  const footerAt = bytes.length - footerBytes;
  if (footerAt < fileHeaderBytes) {
    return;
  }
  const fileMark = bytes.readUInt32LE(60);
  const sealBlock = (start: number, contentBytes: number): void => {
    const trailer = start + contentBytes;
    if (start >= fileHeaderBytes && trailer + blockTrailerBytes <= footerAt) {
      const sum = checksum(bytes.subarray(start, trailer + 5)) ^ placeMark(fileMark, start);
      bytes.writeUInt32LE(sum >>> 0, trailer + 5);
    }
  };
  const { filter, index, properties } = tableParts(bytes, footerAt);
  let at = fileHeaderBytes;
  for (const length of index.lengths) {
    sealBlock(at, length);
    at += length + blockTrailerBytes;
  }
  sealBlock(filter.at, filter.bytes);
  sealBlock(index.at, index.bytes);
  sealBlock(properties.at, properties.bytes);
  const sum = checksum(bytes.subarray(footerAt, footerAt + 60)) ^ placeMark(fileMark, footerAt);
  bytes.writeUInt32LE(sum >>> 0, footerAt + 60);
}

function tableParts(bytes: Buffer, footerAt: number) {
  const index = { at: bytes.readUInt32LE(footerAt + 16), bytes: bytes.readUInt32LE(footerAt + 12) };
  const lengths: number[] = [];
  const isThere = index.at + 4 <= footerAt;
  const blocks = isThere ? Math.min(bytes.readUInt32LE(index.at), 64) : 0;
  for (let block = 0; block < blocks && index.at + 8 + 4 * block <= footerAt; block++) {
    lengths.push(bytes.readUInt32LE(index.at + 4 + 4 * block));
  }
  return {
    filter: { at: bytes.readUInt32LE(footerAt), bytes: bytes.readUInt32LE(footerAt + 8) },
    index: { ...index, lengths },
    properties: { at: bytes.readUInt32LE(footerAt + 24), bytes: bytes.readUInt32LE(footerAt + 32) },
  };
}

/** Every number of the footer, the index, the properties, the filter and the blocks' ends. */
export function tableFields(bytes: Buffer): Field[] {
  const footerAt = bytes.length - footerBytes;
  if (footerAt < fileHeaderBytes) {
    return [];
  }
  const fields: Field[] = [
    { at: footerAt, sizeBytes: 8 },
    { at: footerAt + 8, sizeBytes: 4 },
    { at: footerAt + 12, sizeBytes: 4 },
    { at: footerAt + 16, sizeBytes: 8 },
    { at: footerAt + 24, sizeBytes: 8 },
    { at: footerAt + 32, sizeBytes: 4 },
    { at: footerAt + 40, sizeBytes: 8 },
  ];
  const { filter, index, properties } = tableParts(bytes, footerAt);
  for (const part of [filter, index, properties]) {
    // The codec's byte and the length of the content.
    fields.push({ at: part.at + part.bytes, sizeBytes: 1 }, { at: part.at + part.bytes + 1, sizeBytes: 4 });
  }
  fields.push({ at: filter.at, sizeBytes: 4 });
  for (let at = index.at; at < Math.min(index.at + index.bytes, footerAt); at += 4) {
    fields.push({ at, sizeBytes: 4 });
  }
  for (let at = properties.at; at < Math.min(properties.at + 88, footerAt); at += 8) {
    fields.push({ at, sizeBytes: 8 });
  }
  fields.push({ at: properties.at + 80, sizeBytes: 4 }, { at: properties.at + 88, sizeBytes: 2 });
  let end = fileHeaderBytes;
  for (const length of index.lengths) {
    end += length;
    // The end of the content: base sequence number, number of restarts; then codec and length.
    fields.push(
      { at: end - 12, sizeBytes: 8 },
      { at: end - 4, sizeBytes: 4 },
      { at: end, sizeBytes: 1 },
      { at: end + 1, sizeBytes: 4 },
    );
    end += blockTrailerBytes;
  }
  return fields.filter((field) => field.at + field.sizeBytes <= bytes.length);
}
