import type { ByteString } from "./bytes.js";

/**
 * A half-open range of keys, from `lower` on; `upper` null means no upper end. Bounds may be longer than keys may be.
 */
export interface KeyRange {
  lower: ByteString;
  upper: ByteString | null;
}
