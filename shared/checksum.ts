import { crc32 } from "node:zlib";

/**
 * CRC-32 (IEEE 802.3, as in gzip) of a range of bytes, as an unsigned 32-bit integer. Native: about 3 GB/s.
 *
 * The seed is the CRC-32 of the bytes that precede these. For the same bytes, a different seed always gives a different
 * checksum, so a seed derived from a place ties the checksum to that place.
 */
export function checksum(bytes: Uint8Array, seed = 0): number {
  return crc32(bytes, seed) >>> 0;
}
