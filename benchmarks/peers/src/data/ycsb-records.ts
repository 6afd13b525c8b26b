/**
 * The records of YCSB's core workloads (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010):
 * keys "user" and a hash of the number (insertorder = hashed), ten fields of 100 bytes.
 */

import { flat, type Records } from "./records.js";

export const fieldCount = 10;
const fieldBytes = 100;
const headDigits = 10;

export type YcsbRecord = Record<string, string>;

const fieldNames = Array.from({ length: fieldCount }, (_, field) => `field${field}`);
const tails = Array.from({ length: 997 }, (_, index) =>
  flat(
    Array.from({ length: fieldBytes - 2 * headDigits }, (_, at) =>
      String.fromCharCode(97 + ((index * 31 + at * at * 7 + (index >> 3) * at) % 26)),
    ).join(""),
  ),
);

/** MurmurHash3's finalizer: different 32-bit numbers have different hashes. */
export function mixed(number: number): number {
  let hash = number >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function tailOf(number: number, field: number): string {
  return tails[(number * fieldCount + field) % tails.length]!;
}

/** Number, version, and letters. */
export function fieldOf(number: number, field: number, version: number): string {
  const head = String(number).padStart(headDigits, "0") + String(version).padStart(headDigits, "0");
  return head + tailOf(number, field);
}

export function fieldName(field: number): string {
  return fieldNames[field]!;
}

export const ycsbRecords: Records = {
  values: "json",
  isOrdered: false,
  keyOf: (number) => flat(`user${String(mixed(number)).padStart(19, "0")}`),
  valueOf(number, version): YcsbRecord {
    const record: YcsbRecord = {};
    for (let field = 0; field < fieldCount; field++) {
      record[fieldNames[field]!] = fieldOf(number, field, version);
    }
    return record;
  },
  /** The version of the first field: the fields are updated one by one. */
  versionOf(number, value) {
    const record = value as YcsbRecord | undefined;
    if (record === undefined) {
      return undefined;
    }
    for (let field = 0; field < fieldCount; field++) {
      const content = record[fieldNames[field]!];
      const isSame =
        content?.length === fieldBytes &&
        Number(content.slice(0, headDigits)) === number &&
        content.endsWith(tailOf(number, field));
      if (!isSame) {
        return undefined;
      }
    }
    return Number(record.field0!.slice(headDigits, 2 * headDigits));
  },
  numberOf: (value) => Number((value as YcsbRecord).field0!.slice(0, headDigits)),
};
