/**
 * Varints (LEB128): seven bits a byte, low bits first, the high bit set in all bytes but the last. FROZEN. Always
 * written in their shortest form, so that the length of one follows from its value.
 *
 * There are two readers. *Lengths* have at most 28 bits (4 bytes), which keeps the hot loops in 32-bit integers; other
 * numbers have up to 53. Neither reader checks bounds: bytes beyond the end read as zero, and the caller checks the
 * result against the end of the block before it uses it.
 */

export function readLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 128) {
    return first;
  }
  const second = bytes[at + 1]!;
  if (second < 128) {
    return (first & 127) | (second << 7);
  }
  const third = bytes[at + 2]!;
  if (third < 128) {
    return (first & 127) | ((second & 127) << 7) | (third << 14);
  }
  return (first & 127) | ((second & 127) << 7) | ((third & 127) << 14) | ((bytes[at + 3]! & 127) << 21);
}

/** How many bytes a length takes. */
export function lengthBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** Returns the offset after the written bytes. */
export function writeLength(bytes: Uint8Array, value: number, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 128) {
    bytes[at] = (rest & 127) | 128;
    rest >>>= 7;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

export function readNumber(bytes: Uint8Array, offset: number): number {
  let byte = bytes[offset]!;
  let value = byte & 127;
  let scale = 128;
  for (let at = offset + 1; byte > 127 && at < offset + 8; at += 1) {
    byte = bytes[at]!;
    value += (byte & 127) * scale;
    scale *= 128;
  }
  return value;
}

export function numberBytes(value: number): number {
  let bytes = 1;
  for (let bound = 128; value >= bound; bound *= 128) {
    bytes += 1;
  }
  return bytes;
}

/** Returns the offset after the written bytes. */
export function writeNumber(bytes: Uint8Array, value: number, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 128) {
    bytes[at] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}
