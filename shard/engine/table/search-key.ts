import type { ByteString } from "../../../shared/bytes.js";
import { maxKeyBytes } from "../../../shared/limits.js";

/**
 * One byte more than a key may have: a longer target is cut to this, and still comes after every key that it begins
 * with.
 */
const maxSearchBytes = maxKeyBytes + 1;

/**
 * The bytes of the key that is being looked up. A lookup compares and hashes the key many times, and bytes in a typed
 * array are read faster than the units of a string. One for the whole thread: lookups are synchronous and do not nest.
 * The bytes after the key's length are left from earlier keys.
 */
export const searchBytes = new Uint8Array(maxSearchBytes);
const searchBuffer = Buffer.from(searchBytes.buffer);

/** Up to this length a loop is faster than a call into native code. */
const loopLimitBytes = 48;

/** Puts a key into `searchBytes` and returns its length. */
export function setSearchKey(key: ByteString): number {
  const { length } = key;
  if (length > loopLimitBytes) {
    return searchBuffer.latin1Write(key, 0);
  }
  for (let at = 0; at < length; at += 1) {
    searchBytes[at] = key.charCodeAt(at);
  }
  return length;
}
