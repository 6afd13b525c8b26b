/**
 * One entry of a file to load, or of an export. An export is JSON lines, one object per entry:
 *
 *     {"key":"user:1","value":{"name":"Alice"},"encoding":"json"}
 *     {"key":"session:9","value":"x","encoding":"json","expiry":1790000000000}
 *     {"key":{"base64":"/wA="},"value":{"base64":"AAEC"},"encoding":"binary"}
 *
 * `key` is a string, or base64 if the bytes are not UTF-8. `value` is plain JSON for encoding "json", and the stored
 * bytes as base64 for every other encoding. `tag` is given only if a value does not have the usual form of its encoding
 * (4: binary bytes that were put as a Buffer, not as a plain Uint8Array). `expiry` is in ms since the epoch. Loading
 * accepts these lines, and also plain pairs `["key", value]` and objects with only `key` and `value`.
 */

import type { ValueEncoding } from "fastkv";
import { CommandFailure } from "fastkv-cli/kit/failure";
import type { Key } from "../text/key.js";

/** `stored`: the value's bytes as its encoding wrote them, for all encodings except "json". */
export type EntryValue = { json: unknown } | { stored: Uint8Array };

export interface Entry {
  key: Key;
  value: EntryValue;
  /** If absent, the database's default. */
  encoding?: ValueEncoding;
  /** For stored bytes: the form within the encoding. If absent, the usual one. */
  tag?: number;
  /** ms since the epoch. */
  expiry?: number;
}

/** An entry as it is in a database, with nothing left to a default. */
export type StoredEntry = Entry & { encoding: ValueEncoding };

const encodings: readonly string[] = ["json", "msgpack", "structured", "binary"] satisfies ValueEncoding[];
const fields = new Set(["key", "value", "encoding", "tag", "expiry"]);

/** @throws CommandFailure that says what is wrong with the item; `where` names the item */
export function entryFromJson(item: unknown, where: string): Entry {
  if (Array.isArray(item)) {
    if (item.length !== 2) {
      throw new CommandFailure(`${where}: expected a pair [key, value], found an array of ${item.length}`);
    }
    return { key: keyFromJson(item[0], where), value: { json: item[1] } };
  }
  if (typeof item !== "object" || item === null || !("key" in item) || !("value" in item)) {
    throw new CommandFailure(`${where}: expected [key, value] or {"key": ..., "value": ...}`);
  }
  const unknownField = Object.keys(item).find((name) => !fields.has(name));
  if (unknownField !== undefined) {
    throw new CommandFailure(
      `${where}: unknown field "${unknownField}"; known are ${[...fields].join(", ")}`,
    );
  }
  const { encoding, tag, expiry } = item as { encoding?: unknown; tag?: unknown; expiry?: unknown };
  const entry: Entry = {
    key: keyFromJson(item.key, where),
    value: valueFromJson(item.value, encoding, where),
  };
  if (encoding !== undefined) {
    entry.encoding = encoding as ValueEncoding;
  }
  if (tag !== undefined) {
    if (!Number.isInteger(tag) || !("stored" in entry.value)) {
      throw new CommandFailure(`${where}: "tag" is a whole number, and only for stored bytes`);
    }
    entry.tag = tag as number;
  }
  if (expiry !== undefined && expiry !== null) {
    if (typeof expiry !== "number" || !Number.isFinite(expiry) || expiry < 0) {
      throw new CommandFailure(`${where}: "expiry" is not a time in ms since the epoch`);
    }
    entry.expiry = expiry;
  }
  return entry;
}

function keyFromJson(key: unknown, where: string): Key {
  if (typeof key === "string") {
    return key;
  }
  const bytes = bytesFromJson(key);
  if (bytes === undefined) {
    throw new CommandFailure(`${where}: the key is neither a string nor {"base64": "..."}`);
  }
  return bytes;
}

function valueFromJson(value: unknown, encoding: unknown, where: string): EntryValue {
  if (encoding === undefined || encoding === "json") {
    return { json: value };
  }
  if (typeof encoding !== "string" || !encodings.includes(encoding)) {
    throw new CommandFailure(`${where}: unknown encoding; known are ${encodings.join(", ")}`);
  }
  const stored = bytesFromJson(value);
  if (stored === undefined) {
    throw new CommandFailure(`${where}: a value of encoding "${encoding}" must be {"base64": "..."}`);
  }
  return { stored };
}

function bytesFromJson(value: unknown): Uint8Array | undefined {
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "base64") {
    return undefined;
  }
  const { base64 } = value as { base64: unknown };
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 === 1) {
    return undefined;
  }
  return new Uint8Array(Buffer.from(base64, "base64"));
}

/** One line of an export, without the line end. */
export function entryToLine(entry: StoredEntry): string {
  const line: Record<string, unknown> = {
    key: typeof entry.key === "string" ? entry.key : toBase64(entry.key),
    value: "json" in entry.value ? entry.value.json : toBase64(entry.value.stored),
    encoding: entry.encoding,
  };
  if (entry.tag !== undefined) {
    line.tag = entry.tag;
  }
  if (entry.expiry !== undefined) {
    line.expiry = entry.expiry;
  }
  return JSON.stringify(line);
}

function toBase64(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
}
