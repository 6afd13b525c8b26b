/** What is stored. A record's value tells its number and version, so that whatever is read can be held against what was put. */

import { objectRecords } from "./object-records.js";
import { rawRecords } from "./raw-records.js";

export type ValueKind = "object130" | "raw100" | "raw4096";
export const valueKinds: readonly ValueKind[] = ["object130", "raw100", "raw4096"];

export interface Records {
  /** How stores are to take the values. */
  values: "json" | "binary";
  /** Keys are in the order of their numbers where `isOrdered`. */
  isOrdered: boolean;
  keyOf(number: number): string;
  valueOf(number: number, version: number): unknown;
  /** The version of record `number` that this value is; undefined if it is none, in any of its parts. */
  versionOf(number: number, value: unknown): number | undefined;
  /** The record's number as a value read claims it; held against the key by the caller. */
  numberOf(value: unknown): number;
}

export function recordsOf(kind: ValueKind): Records {
  switch (kind) {
    case "object130":
      return objectRecords;
    case "raw100":
      return rawRecords(100);
    case "raw4096":
      return rawRecords(4096);
  }
}

/** Bytes of a record's key and of its value as JSON or as it is. */
export function userBytes(records: Records, number: number): number {
  const value = records.valueOf(number, 0);
  const valueBytes = value instanceof Uint8Array ? value.length : Buffer.byteLength(JSON.stringify(value));
  return records.keyOf(number).length + valueBytes;
}

/** A string in one piece: a concatenated one would be put together in the first store's time only. */
export function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** 17 bytes; `record:00000012` is the prefix of 100 of them. */
export function recordKey(number: number): string {
  return flat(`record:${String(number).padStart(10, "0")}`);
}

/** A key between two that exist. */
export function missingKey(number: number): string {
  return `${recordKey(number)}?`;
}
