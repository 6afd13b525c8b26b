/** Clears of few keys: plain deletes, which cost readers less than a range delete that each of them has to look at. */

import { type ByteString, bytesOf } from "../../shared/bytes.js";
import { OperationSection, operationKind } from "../../shared/format/operations.js";
import { smallRangeKeys } from "./options.js";
import type { KeyRange } from "./range-delete.js";
import { type ReadView, readPage } from "./reads.js";

/** How many versions are looked at, for each key that a small range may have. */
const examinedPerKey = 16;

/** The keys in a range as of a sequence number, where they are few; undefined where they are many. */
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
      // Expired values are deleted too: nobody can see the difference, and they go the sooner.
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

/** A section that deletes these keys; all operations have the sequence number of the section. */
export function deletesOf(keys: readonly ByteString[]): Buffer {
  const section = new OperationSection(keys.length * 64);
  const { delete: kind } = operationKind;
  const value = Buffer.alloc(0);
  for (const key of keys) {
    section.append({ kind, tag: 0, expiresAt: 0, logged: false, key: bytesOf(key), value }, 0);
  }
  return section.bytes();
}
