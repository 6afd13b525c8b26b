import { Packr } from "msgpackr";
import { MsgpackStructure } from "./msgpack-structure.js";

const packr = new Packr({ useRecords: false });
const structure = new MsgpackStructure();

/**
 * Decodes msgpack that may be hostile: a record of a file, the greeting of a stranger. msgpackr follows any depth until
 * the stack ends, and extensions that nobody writes here, of which one has it compile functions. So counts, lengths and
 * depth are held against the bytes that there are before anything is made of them. Throws `FASTKV_CORRUPTION`, without
 * a place.
 */
export function unpackChecked(bytes: Buffer): unknown {
  structure.check(bytes, 0, bytes.length);
  return packr.unpack(bytes);
}
