/**
 * Checks the checksums of a LevelDB table, because LevelDB itself compares them only on request, and its Node package
 * cannot request that. The format is described in google/leveldb, doc/table_format.md. All numbers are little-endian.
 *
 *     table:  block | type (1) | masked CRC-32C of both (4)  ...  footer (48)
 *     footer: handle of the meta index, handle of the index (two varints each), padding, magic (8)
 *     block:  entries: shared (varint) | unshared (varint) | value bytes (varint) | key | value
 *             restarts (4 each) | their number (4)
 */

import { open } from "node:fs/promises";
import { maskedCrc32c } from "./crc32c.js";
import { decodeSnappy } from "./snappy-decode.js";
import { VarintReader } from "./varint-reader.js";

const footerBytes = 48;
const trailerBytes = 5;
const magic = 0xdb4775248b80fb57n;
const snappyType = 1;
const plainType = 0;
/** No block of an intact table is nearly as large. */
const maxBlockBytes = 1024 * 1024 * 1024;

interface BlockHandle {
  offset: number;
  sizeBytes: number;
}

function readHandle(reader: VarintReader): BlockHandle | undefined {
  const offset = reader.number();
  const sizeBytes = reader.number();
  return offset === undefined || sizeBytes === undefined ? undefined : { offset, sizeBytes };
}

/** @returns what is wrong, or undefined if every block matches its checksum */
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
    const metaIndex = readHandle(reader);
    const index = readHandle(reader);
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

/** Returns the handles that are the values of an index block. `block` is the content, followed by its type. */
function handlesIn(block: Buffer): BlockHandle[] | undefined {
  const type = block[block.length - 1];
  let content: Buffer | undefined = block.subarray(0, -1);
  if (type === snappyType) {
    content = decodeSnappy(content, maxBlockBytes);
  } else if (type !== plainType) {
    // Another compression: the package that reads the source must support it; this check does not.
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
    const handle = readHandle(value);
    if (handle === undefined) {
      return undefined;
    }
    handles.push(handle);
  }
  return handles;
}
