/** FROZEN: the tag stored with each value. */
export const encodingTag = { json: 1, msgpack: 2, structured: 3, binary: 4 } as const;
/** FROZEN: `binary` bytes stored from a plain Uint8Array. Those with tag 4 were stored from a Buffer. */
export const plainBinaryTag = 5;
export type ValueEncoding = keyof typeof encodingTag;
export type EncodingTag = (typeof encodingTag)[ValueEncoding] | typeof plainBinaryTag;

/** Returns the encoding of a stored tag; undefined for an unknown tag. */
export function encodingOfTag(tag: number): ValueEncoding | undefined {
  if (tag === plainBinaryTag) {
    return "binary";
  }
  return (Object.keys(encodingTag) as ValueEncoding[]).find((name) => encodingTag[name] === tag);
}

export function isEncodingTag(tag: number): boolean {
  return encodingOfTag(tag) !== undefined;
}
