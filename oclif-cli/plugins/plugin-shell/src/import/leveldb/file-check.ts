/**
 * Checks the checksums of LevelDB's files, since LevelDB itself compares those of its tables only where it is asked to,
 * and its Node package cannot ask. The formats are described in google/leveldb, doc/table_format.md and
 * doc/log_format.md. All numbers are little-endian.
 *
 *     table:  block | type (1) | masked CRC-32C of both (4)  ...  footer (48)
 *     footer: handle of the meta index, handle of the index (two varints each), padding, magic (8)
 *     block:  entries: shared (varint) | unshared (varint) | value bytes (varint) | key | value
 *             restarts (4 each) | their number (4)
 *     log:    blocks of 32 KiB of records: masked CRC-32C (4) | length (2) | type (1) | data
 */

import { open } from "node:fs/promises";
import { maskedCrc32c } from "./crc32c.js";
import { decodeSnappy } from "./snappy-decode.js";

const footerBytes = 48;
const trailerBytes = 5;
const magic = 0xdb4775248b80fb57n;
const snappyType = 1;
const plainType = 0;
/** No block of a sane table comes near it. */
const maxBlockBytes = 1024 * 1024 * 1024;

const logBlockBytes = 32 * 1024;
const logHeaderBytes = 7;

interface BlockHandle {
  offset: number;
  sizeBytes: number;
}

/** @returns what is wrong, or undefined where every block has its checksum */
export async function damageOfTable(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    async function read(offset: number, sizeBytes: number): Promise<Buffer | undefined> {
      if (sizeBytes > maxBlockBytes || offset < 0 || offset + sizeBytes > size) {
        return undefined;
      }
      const bytes = Buffer.alloc(sizeBytes);
      const { bytesRead } = await file.read(bytes, 0, sizeBytes, offset);
      return bytesRead === sizeBytes ? bytes : undefined;
    }
    async function readBlock({ offset, sizeBytes }: BlockHandle): Promise<Buffer | undefined> {
      const bytes = await read(offset, sizeBytes + trailerBytes);
      if (
        bytes === undefined ||
        maskedCrc32c(bytes.subarray(0, sizeBytes + 1)) !== bytes.readUInt32LE(sizeBytes + 1)
      ) {
        return undefined;
      }
      return bytes.subarray(0, sizeBytes + 1);
    }
    const footer = await read(size - footerBytes, footerBytes);
    if (footer === undefined || footer.readBigUInt64LE(footerBytes - 8) !== magic) {
      return "it does not end as a table does";
    }
    const reader = new VarintReader(footer);
    const metaIndex = reader.handle();
    const index = reader.handle();
    for (const handle of [metaIndex, index]) {
      const block = handle && (await readBlock(handle));
      const handles = block && handlesIn(block);
      if (handles === undefined) {
        return "its index is damaged";
      }
      for (const part of handles) {
        if ((await readBlock(part)) === undefined) {
          return `wrong checksum of the block at offset ${part.offset}`;
        }
      }
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** The handles that are the values of an index block, given with its type behind it. */
function handlesIn(block: Buffer): BlockHandle[] | undefined {
  const type = block[block.length - 1];
  let content: Buffer | undefined = block.subarray(0, -1);
  if (type === snappyType) {
    content = decodeSnappy(content, maxBlockBytes);
  } else if (type !== plainType) {
    // Another compression: the package that reads it must know it, and this check does not.
    return [];
  }
  if (content === undefined || content.length < 4) {
    return undefined;
  }
  const end = content.length - 4 - 4 * content.readUInt32LE(content.length - 4);
  if (end < 0) {
    return undefined;
  }
  const handles: BlockHandle[] = [];
  const reader = new VarintReader(content.subarray(0, end));
  while (!reader.isAtEnd) {
    reader.number();
    const keyBytes = reader.number();
    const valueBytes = reader.number();
    const value = new VarintReader(reader.skip(keyBytes, valueBytes));
    const handle = value.handle();
    if (handle === undefined) {
      return undefined;
    }
    handles.push(handle);
  }
  return handles;
}

/** Reads varints; what does not fit gives undefined for what was to be read. */
class VarintReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number | undefined {
    let value = 0;
    for (let shift = 0; shift < 8; shift++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) {
        return undefined;
      }
      value += (byte & 0x7f) * 128 ** shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return undefined;
  }

  handle(): BlockHandle | undefined {
    const offset = this.number();
    const sizeBytes = this.number();
    return offset === undefined || sizeBytes === undefined ? undefined : { offset, sizeBytes };
  }

  /** Goes over the first bytes and gives those behind them; empty where there are not so many. */
  skip(firstBytes: number | undefined, bytes: number | undefined): Buffer {
    const start = this.#at + (firstBytes ?? Number.POSITIVE_INFINITY);
    const end = start + (bytes ?? 0);
    this.#at = Math.min(end, this.#bytes.length);
    return end <= this.#bytes.length ? this.#bytes.subarray(start, end) : Buffer.alloc(0);
  }
}

/**
 * LevelDB leaves out what it cannot read of its log, without a word. What a crash cuts off at the end of a log was never
 * whole; anything else was.
 *
 * @returns what is wrong, or undefined
 */
export async function damageOfLog(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const block = Buffer.alloc(logBlockBytes);
    for (let offset = 0; offset < size; offset += logBlockBytes) {
      const { bytesRead } = await file.read(block, 0, logBlockBytes, offset);
      const bad = damageInLogBlock(block.subarray(0, bytesRead));
      if (bad !== undefined) {
        return `wrong checksum of the record at offset ${offset + bad}`;
      }
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** @returns where the first damaged record begins */
function damageInLogBlock(block: Buffer): number | undefined {
  let at = 0;
  while (at + logHeaderBytes <= block.length) {
    const end = at + logHeaderBytes + block.readUInt16LE(at + 4);
    const type = block[at + 6]!;
    if (type === 0 && end === at + logHeaderBytes) {
      // Room that was laid out ahead and not written.
      return block.subarray(at).every((byte) => byte === 0) ? undefined : at;
    }
    if (end > block.length) {
      return block.length === logBlockBytes ? at : undefined;
    }
    if (maskedCrc32c(block.subarray(at + 6, end)) !== block.readUInt32LE(at)) {
      return at;
    }
    at = end;
  }
  return undefined;
}
