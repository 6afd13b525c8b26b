import type { Packr } from "msgpackr";
import { MsgpackStructure } from "./msgpack-structure.js";

const structure = new MsgpackStructure();

/**
 * Small things in msgpack that are no values: messages, reports, edits. msgpackr follows any depth until the stack ends,
 * and extensions that nobody writes here, of which one has it compile functions: so the structure is checked before
 * (msgpack-structure.ts).
 *
 * @throws FastKVError `FASTKV_CORRUPTION`, without a place: the caller knows it.
 */
export function unpackChecked(packr: Packr, bytes: Buffer): unknown {
  structure.check(bytes, 0, bytes.length);
  return packr.unpack(bytes);
}
