import { crc32 } from "node:zlib";

/** CRC-32 (IEEE 802.3, as in gzip) of a range of bytes, as an unsigned 32-bit integer. Native: about 3 GB/s. */
export function checksum(bytes: Uint8Array): number {
  return crc32(bytes) >>> 0;
}
