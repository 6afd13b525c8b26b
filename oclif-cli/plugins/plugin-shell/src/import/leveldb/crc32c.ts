/** CRC-32C (Castagnoli, RFC 3720), which LevelDB's files use; zlib has only the other CRC-32. */

const polynomial = 0x82f63b78;

/** Eight tables, for eight bytes per step ("slicing by 8", Kounavis and Berry, 2005). */
const tables = makeTables();

function makeTables(): Uint32Array {
  const made = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    }
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256]!;
    made[at] = (before >>> 8) ^ made[before & 0xff]!;
  }
  return made;
}

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      tables[0x700 + (low & 0xff)]! ^
      tables[0x600 + ((low >>> 8) & 0xff)]! ^
      tables[0x500 + ((low >>> 16) & 0xff)]! ^
      tables[0x400 + (low >>> 24)]! ^
      tables[0x300 + bytes[at + 4]!]! ^
      tables[0x200 + bytes[at + 5]!]! ^
      tables[0x100 + bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]!) & 0xff]!;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** LevelDB rotates a checksum and adds a constant, because a checksum of bytes that contain checksums is weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
