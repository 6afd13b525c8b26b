/**
 * Reads a file of records, the format of LevelDB's logs and manifests (google/leveldb, doc/log_format.md):
 *
 *     blocks of 32 KiB of fragments: masked CRC-32C (4) | length (2) | type (1) | data
 *     types: 1 a whole record; 2 the first, 3 a middle and 4 the last fragment of one
 */

import { readFile } from "node:fs/promises";
import { maskedCrc32c } from "./crc32c.js";

const blockBytes = 32 * 1024;
const headerBytes = 7;
const whole = 1;
const first = 2;
const last = 4;

const cutOff =
  "it ends in the midst of a record. If that was a crash, open it once with the program that wrote it, and close it";

export interface LogContent {
  records: Buffer[];
  /**
   * LevelDB silently leaves out what it cannot read, and takes a record that goes beyond the end for one that a crash
   * cut off. A damaged length looks the same, so here that counts as damage, too: if a crash cut it off, a program that
   * opens the database fixes that.
   */
  damage: string | undefined;
}

export async function readLogFile(path: string): Promise<LogContent> {
  const file = await readFile(path);
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  if (file.length % blockBytes > 0 && file.length % blockBytes < headerBytes) {
    return { records, damage: cutOff };
  }
  for (let start = 0; start < file.length; start += blockBytes) {
    const block = file.subarray(start, start + blockBytes);
    for (let at = 0; at + headerBytes <= block.length; ) {
      const end = at + headerBytes + block.readUInt16LE(at + 4);
      const type = block[at + 6]!;
      const damage = `wrong checksum of the record at offset ${start + at}`;
      if (type === 0 && end === at + headerBytes) {
        // Preallocated space that was not written.
        if (block.subarray(at).some((byte) => byte !== 0)) {
          return { records, damage };
        }
        break;
      }
      if (end > block.length && start + block.length === file.length) {
        return { records, damage: cutOff };
      }
      if (end > block.length || maskedCrc32c(block.subarray(at + 6, end)) !== block.readUInt32LE(at)) {
        return { records, damage };
      }
      parts = type === whole || type === first ? [] : parts;
      parts.push(block.subarray(at + headerBytes, end));
      if (type === whole || type === last) {
        records.push(Buffer.concat(parts));
        parts = [];
      }
      at = end;
    }
  }
  return { records, damage: parts.length > 0 ? cutOff : undefined };
}
