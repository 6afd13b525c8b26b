/**
 * The stored data. A record's value contains its number and version, so that every read value can be checked against
 * the put value.
 */

import { objectRecords } from "./object-records.js";
import { rawRecords } from "./raw-records.js";

export type ValueKind = "object130" | "raw100" | "raw4096";
export const valueKinds: readonly ValueKind[] = ["object130", "raw100", "raw4096"];

export interface Records {
  /** In which form stores take the values. */
  values: "json" | "binary";
  /** If `isOrdered`, keys are in the order of their numbers. */
  isOrdered: boolean;
  keyOf(number: number): string;
  valueOf(number: number, version: number): unknown;
  /** The version of record `number` that this value is; undefined if any part of it does not match. */
  versionOf(number: number, value: unknown): number | undefined;
  /** The record's number according to a value that was read; the caller checks it against the key. */
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

/** Bytes of a record's key, and of its value as JSON or, if it is binary, as it is. */
export function userBytes(records: Records, number: number): number {
  const value = records.valueOf(number, 0);
  const valueBytes = value instanceof Uint8Array ? value.length : Buffer.byteLength(JSON.stringify(value));
  return records.keyOf(number).length + valueBytes;
}

/**
 * Returns a string in one piece: a concatenated one would be flattened on its first use, at the cost of the first store
 * only.
 */
export function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** 17 bytes; `record:00000012` is the prefix of 100 keys. */
export function recordKey(number: number): string {
  return flat(`record:${String(number).padStart(10, "0")}`);
}

/** A key between two existing ones. */
export function missingKey(number: number): string {
  return `${recordKey(number)}?`;
}
