import type { FastKV } from "../../../coordinator/index.js";
import { ValueCodec } from "../../../shared/codec/value-codec.js";

/**
 * Stores bytes that no FastKV would: a load decodes what it is given, so here its decoder looks away, as that of a
 * forger would.
 */
export async function storeForged(db: FastKV, key: string, tag: number, bytes: Buffer): Promise<void> {
  const { decode } = ValueCodec.prototype;
  ValueCodec.prototype.decode = () => undefined;
  try {
    await db.bulkLoad([{ key, stored: bytes, encoding: "json", tag, expiresAt: undefined }]);
  } finally {
    ValueCodec.prototype.decode = decode;
  }
}
