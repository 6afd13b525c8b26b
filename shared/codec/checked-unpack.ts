import { Packr } from "msgpackr";
import { MsgpackStructure } from "./msgpack-structure.js";

const packr = new Packr({ useRecords: false });
const structure = new MsgpackStructure();

/**
 * Decodes msgpack that may be hostile: a record of a file, or the greeting of an unknown peer. msgpackr follows any
 * depth until the stack overflows, and accepts extensions that FastKV never writes, one of which makes it compile
 * functions. So counts, lengths and depth are checked against the available bytes before anything is created from them.
 * Throws `FASTKV_CORRUPTION` without a place.
 */
export function unpackChecked(bytes: Buffer): unknown {
  structure.check(bytes, 0, bytes.length);
  return packr.unpack(bytes);
}
