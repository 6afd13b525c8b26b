/** Decodes one block in Snappy's raw format (google/snappy, format_description.txt). */

const literal = 0;
const copyOneByteOffset = 1;
const copyTwoByteOffset = 2;

/** @returns undefined if the bytes are not such a block */
export function decodeSnappy(bytes: Buffer, maxBytes: number): Buffer | undefined {
  const [length, start] = readLength(bytes);
  if (length === undefined || length > maxBytes) {
    return undefined;
  }
  const out = Buffer.alloc(length);
  let to = 0;
  let at = start;
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    let count: number;
    if (kind === literal) {
      count = tag >>> 2;
      if (count >= 60) {
        const sizeBytes = count - 59;
        if (at + sizeBytes > bytes.length) {
          return undefined;
        }
        count = bytes.readUIntLE(at, sizeBytes);
        at += sizeBytes;
      }
      count += 1;
      if (at + count > bytes.length || to + count > length) {
        return undefined;
      }
      bytes.copy(out, to, at, at + count);
      at += count;
    } else {
      const offsetBytes = kind === copyOneByteOffset ? 1 : kind === copyTwoByteOffset ? 2 : 4;
      if (at + offsetBytes > bytes.length) {
        return undefined;
      }
      count = kind === copyOneByteOffset ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
      const high = kind === copyOneByteOffset ? (tag >>> 5) << 8 : 0;
      const offset = high + bytes.readUIntLE(at, offsetBytes);
      at += offsetBytes;
      if (offset === 0 || offset > to || to + count > length) {
        return undefined;
      }
      // Source and target may overlap, which repeats a pattern; so bytes are copied one by one.
      for (let index = 0; index < count; index++) {
        out[to + index] = out[to + index - offset]!;
      }
    }
    to += count;
  }
  return to === length ? out : undefined;
}

function readLength(bytes: Buffer): [length: number | undefined, end: number] {
  let length = 0;
  for (let at = 0; at < Math.min(5, bytes.length); at++) {
    length += (bytes[at]! & 0x7f) * 2 ** (7 * at);
    if (bytes[at]! < 0x80) {
      return [length, at + 1];
    }
  }
  return [undefined, 0];
}
