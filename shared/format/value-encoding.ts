/** FROZEN: the tag stored with each value. */
export const encodingTag = { json: 1, msgpack: 2, structured: 3, binary: 4 } as const;
/** FROZEN: `binary` bytes that were put as a plain Uint8Array; those under tag 4 were put as a Buffer. */
export const plainBinaryTag = 5;
export type ValueEncoding = keyof typeof encodingTag;
export type EncodingTag = (typeof encodingTag)[ValueEncoding] | typeof plainBinaryTag;
