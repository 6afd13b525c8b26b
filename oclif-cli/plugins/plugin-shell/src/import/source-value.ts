/**
 * Interprets the bytes of a source's value as `--encoding` says:
 *
 * | encoding | the value in FastKV                                        |
 * |----------|------------------------------------------------------------|
 * | binary   | the same bytes                                             |
 * | json     | what the text says                                         |
 * | utf8     | the text, as a string                                      |
 */

import { isUtf8 } from "node:buffer";
import { CommandFailure, describeError } from "fastkv-cli/kit/failure";
import { displayKey, keyFromBytes } from "../text/key.js";
import type { SourceEncoding } from "./request.js";
import type { SourceValue } from "./source.js";

type ByteEncoding = Exclude<SourceEncoding, "msgpack">;

/** @throws CommandFailure that names the key */
export function valueFromBytes(key: Uint8Array, bytes: Uint8Array, encoding: ByteEncoding): SourceValue {
  if (encoding === "binary") {
    return { kind: "bytes", bytes };
  }
  if (!isUtf8(bytes)) {
    throw unusableValue(key, `is not UTF-8, as --encoding ${encoding} wants it; --encoding binary takes any`);
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return encoding === "utf8" ? { kind: "json", value: text } : valueFromJson(key, text);
}

/** @throws CommandFailure that names the key */
export function valueFromJson(key: Uint8Array, text: string): SourceValue {
  try {
    return { kind: "json", value: JSON.parse(text) as unknown };
  } catch (error) {
    throw unusableValue(key, `is not JSON: ${describeError(error)}`);
  }
}

/** A number as it is. One that JSON cannot represent (BigInt, Infinity, -0) is stored as `structured`. */
export function valueFromNumber(value: number | bigint): SourceValue {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? { kind: "json", value: number } : { kind: "structured", value };
  }
  const isPlain = Number.isFinite(value) && !Object.is(value, -0);
  return { kind: isPlain ? "json" : "structured", value };
}

export function unusableValue(key: Uint8Array, what: string): CommandFailure {
  return new CommandFailure(`The value of ${displayKey(keyFromBytes(key))} ${what}`);
}
