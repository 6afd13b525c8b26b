import { copyKey } from "../../shared/bytes.js";
import {
  type OperationSection,
  operationBytes,
  writeOperationHeader,
} from "../../shared/format/operations.js";
import type { EntryEncoder } from "./entry-encoder.js";

/** Appends the encoder's entry. Returns its size in bytes. */
export function appendEntry(
  section: OperationSection,
  kind: number,
  entry: EntryEncoder,
  sequenceDelta: number,
): number {
  const { key, keyBytes, value, tag, expiresAt } = entry;
  const needed = operationBytes(keyBytes, value.length, expiresAt !== 0);
  section.reserve(needed);
  const { buffer, length } = section;
  const at = writeOperationHeader(
    buffer,
    length,
    kind,
    tag,
    keyBytes,
    value.length,
    sequenceDelta,
    expiresAt,
  );
  copyKey(key, keyBytes, buffer, at);
  value.copy(buffer, at + keyBytes);
  section.length = length + needed;
  return needed;
}
