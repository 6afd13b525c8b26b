/** FROZEN: the tag stored with each value. */
export const encodingTag = { json: 1, msgpack: 2, structured: 3, binary: 4 } as const;
export type ValueEncoding = keyof typeof encodingTag;
export type EncodingTag = (typeof encodingTag)[ValueEncoding];
