import type { Packr } from "msgpackr";
import { MsgpackStructure } from "./msgpack-structure.js";

const structure = new MsgpackStructure();

/**
 * Small things in msgpack that are no values: messages, reports, edits. msgpackr allocates for as many elements as a
 * header claims, and follows any depth, so the structure is checked before (msgpack-structure.ts).
 *
 * @throws FastKVError `FASTKV_CORRUPTION`, without a place: the caller knows it.
 */
export function unpackChecked(packr: Packr, bytes: Buffer): unknown {
  structure.check(bytes, 0, bytes.length);
  return packr.unpack(bytes);
}
