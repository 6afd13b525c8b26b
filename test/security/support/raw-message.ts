import { encodeMessage, frameType } from "../../../shared/wire/frame.js";

/** A message frame whose meta data are these very bytes. */
export function rawMessage(packed: Buffer): Buffer {
  const bytes = Buffer.concat([encodeMessage(frameType.request, 1, 0).subarray(0, 16), packed]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(packed.length, 12);
  return bytes;
}
