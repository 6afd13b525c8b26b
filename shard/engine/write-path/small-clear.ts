/**
 * Clears of few keys: these become plain deletes, which cost readers less than a range delete that each of them has to
 * check.
 */

import { type ByteString, bytesOf } from "../../../shared/bytes.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import type { KeyRange } from "../../../shared/key-range.js";
import { smallRangeKeys } from "../options.js";
import { type ReadView, readPage } from "../read-path/reads.js";

/** How many versions are examined for each key that a small range may have. */
const examinedPerKey = 16;

/** The keys in a range as of a sequence number, if they are few; undefined if they are many. */
export function keysOfSmallRange(
  view: ReadView,
  range: KeyRange,
  sequence: number,
): ByteString[] | undefined {
  const keys: ByteString[] = [];
  const rest = readPage(
    view,
    {
      range,
      reverse: false,
      // Expired values are deleted too: nobody sees the difference, and their space is freed sooner.
      at: { sequence, timeMs: 0 },
      maxEntries: smallRangeKeys,
      maxBytes: Number.POSITIVE_INFINITY,
      maxExamined: smallRangeKeys * examinedPerKey,
    },
    (key) => {
      keys.push(key);
      return 0;
    },
  );
  return rest === undefined ? keys : undefined;
}

/** A section that deletes these keys. All operations have the section's sequence number. */
export function deletesOf(keys: readonly ByteString[]): Buffer {
  const section = new OperationSection(keys.length * 64);
  const { delete: kind } = operationKind;
  const value = Buffer.alloc(0);
  for (const key of keys) {
    section.append({ kind, tag: 0, expiresAt: 0, logged: false, key: bytesOf(key), value }, 0);
  }
  return section.bytes();
}
