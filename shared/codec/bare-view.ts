import { isDeepStrictEqual } from "node:util";

type TypedArray = Exclude<NodeJS.ArrayBufferView, DataView>;
type TypedArrayClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;

/**
 * Returns true if a typed array or Buffer has no own enumerable properties except its elements. Object.keys would
 * create a string for each element; Node's comparison with a second view of the same bytes checks only the properties.
 */
export function isBareView(view: TypedArray): boolean {
  if (Object.getOwnPropertySymbols(view).length !== 0) {
    return false;
  }
  if (Buffer.isBuffer(view)) {
    return isDeepStrictEqual(view, Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  }
  const prototype = Object.getPrototypeOf(view) as { constructor: TypedArrayClass };
  return isDeepStrictEqual(view, new prototype.constructor(view.buffer, view.byteOffset, view.length));
}
