/** FROZEN: the tag stored with each value. */
export const encodingTag = { json: 1, msgpack: 2, structured: 3, binary: 4 } as const;
/** FROZEN: `binary` bytes that were put as a plain Uint8Array; those under tag 4 were put as a Buffer. */
export const plainBinaryTag = 5;
export type ValueEncoding = keyof typeof encodingTag;
export type EncodingTag = (typeof encodingTag)[ValueEncoding] | typeof plainBinaryTag;

/** The encoding that a stored tag belongs to; undefined for a tag that is not known. */
export function encodingOfTag(tag: number): ValueEncoding | undefined {
  if (tag === plainBinaryTag) {
    return "binary";
  }
  return (Object.keys(encodingTag) as ValueEncoding[]).find((name) => encodingTag[name] === tag);
}

export function isEncodingTag(tag: number): boolean {
  return encodingOfTag(tag) !== undefined;
}
