/** Values as text: parses what a user types, and formats values for output. */

import { inspect } from "node:util";
import type { ValueEncoding } from "fastkv";
import { escapeControls, escapeControlsInLines } from "fastkv-cli/kit/escape";
import { CommandFailure } from "fastkv-cli/kit/failure";
import type { WordValue } from "./line.js";

const maxShownBytes = 1024;
const maxInlineBytes = 32;
const maxDepth = 600;

/**
 * Parses a word as JSON if it is JSON, otherwise takes it as a string; as bytes for encoding "binary". @throws
 * CommandFailure for a whole number that a JSON number would change
 */
export function parseValue(word: WordValue, encoding: ValueEncoding | undefined): unknown {
  if (typeof word !== "string") {
    return word;
  }
  if (encoding === "binary") {
    return new Uint8Array(Buffer.from(word, "utf8"));
  }
  if (/^-?[1-9]\d{15,}$/.test(word) && !Number.isSafeInteger(Number(word))) {
    throw new CommandFailure(
      `${word} is too large for a number and would be changed. Store it as a string: '"${word}"'`,
    );
  }
  try {
    return JSON.parse(word) as unknown;
  } catch {
    return word;
  }
}

/** Bytes can only be stored as bytes, whatever the database's default encoding is. */
export function encodingFor(value: unknown, encoding: ValueEncoding | undefined): ValueEncoding | undefined {
  return encoding ?? (value instanceof Uint8Array ? "binary" : undefined);
}

/**
 * True for a word that was meant as JSON but would lose its quotes: `{"a":1}`, whose brackets are outside its quotes,
 * would arrive as `{a:1}`, and `"{ "a": 1 }"` as `{ a: 1 }`. `raw`: the word as typed.
 */
export function losesQuotes(raw: string, word: WordValue): boolean {
  const hasBracketsOutside = /^(?:[{[]|"[{[]")(?:\\.|[^\\"'])*["']/s.test(raw);
  // An apostrophe in single quotes is typed as '"'"', or as '\'', which has a backslash.
  const plain = raw.replaceAll(`'"'"'`, "");
  const hasQuotesInside = !raw.includes("\\") && quotesIn(plain) > quotesIn(word) + 2;
  return hasBracketsOutside || (hasQuotesInside && looksLikeBrokenJson(parseValue(word, undefined)));
}

function quotesIn(text: WordValue): number {
  return typeof text === "string" ? text.replaceAll(/[^"']/g, "").length : 0;
}

/** A hint about a value that may have been meant differently; undefined if there is no doubt. */
export function doubtAbout(word: WordValue, value: unknown): string | undefined {
  if (looksLikeBrokenJson(value)) {
    return "Stored as a string, since it is not JSON. Put JSON into single quotes: '{\"a\": 1}'";
  }
  if (typeof value === "number" && typeof word === "string" && String(value) !== word.trim()) {
    return `Stored as the number ${value}. Put a string into both quotes: '"${word}"'`;
  }
  return undefined;
}

/** Whether the value looks like something meant as JSON: `{a:1}`. */
function looksLikeBrokenJson(value: unknown): boolean {
  return typeof value === "string" && /^(\{.*\}|\[.*\])$/s.test(value);
}

/** Formats on one line, JSON with spaces as in `{"name": "Alice", "tags": [1, 2]}`. */
export function formatInline(value: unknown): string {
  if (value instanceof Uint8Array) {
    return formatBytesInline(value);
  }
  if (isJsonTree(value)) {
    return escapeControls(inlineJson(value));
  }
  return escapeControls(inspectValue(value, Number.POSITIVE_INFINITY));
}

/** Formats on several lines if the value has parts: JSON indented by two, a hex dump for bytes. */
export function formatPretty(value: unknown): string {
  if (value instanceof Uint8Array) {
    return formatBytes(value);
  }
  if (isJsonTree(value)) {
    return escapeControlsInLines(JSON.stringify(value, null, 2));
  }
  return escapeControlsInLines(inspectValue(value, 80));
}

function inlineJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(inlineJson).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(
      ([name, field]) => `${JSON.stringify(name)}: ${inlineJson(field)}`,
    );
    return `{${fields.join(", ")}}`;
  }
  return JSON.stringify(value);
}

function inspectValue(value: unknown, breakLength: number): string {
  return inspect(value, {
    breakLength,
    compact: breakLength === Number.POSITIVE_INFINITY ? true : 3,
    customInspect: false,
    depth: 16,
    maxArrayLength: 1000,
    maxStringLength: null,
  });
}

/**
 * True if JSON shows the value as it is. Values with cycles, shared parts, dates, maps and the like are shown by
 * `inspect`.
 */
export function isJsonTree(value: unknown): boolean {
  return isJson(value, new Set(), 0);
}

function isJson(value: unknown, seen: Set<object>, depth: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") {
    return true;
  }
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0);
  }
  if (typeof value !== "object" || depth > maxDepth || seen.has(value)) {
    return false;
  }
  seen.add(value);
  if (Array.isArray(value)) {
    return Object.keys(value).length === value.length && value.every((item) => isJson(item, seen, depth + 1));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) {
    return false;
  }
  return (
    Object.getOwnPropertySymbols(value).length === 0 &&
    Object.values(value).every((field) => isJson(field, seen, depth + 1))
  );
}

function formatBytesInline(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, maxInlineBytes)).toString("hex");
  return `<${byteCount(bytes)}${shown === "" ? "" : ` ${shown}`}${bytes.length > maxInlineBytes ? "..." : ""}>`;
}

/** Formats as `hexdump -C` does. */
function formatBytes(bytes: Uint8Array): string {
  const lines = [`<${byteCount(bytes)}>`];
  for (let offset = 0; offset < Math.min(bytes.length, maxShownBytes); offset += 16) {
    const row = Buffer.from(bytes.subarray(offset, Math.min(offset + 16, bytes.length)));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const left = hex.slice(0, 8).join(" ").padEnd(23);
    const right = hex.slice(8).join(" ").padEnd(23);
    const text = row.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
    lines.push(`${offset.toString(16).padStart(8, "0")}  ${left}  ${right}  |${text}|`);
  }
  if (bytes.length > maxShownBytes) {
    lines.push(`... ${bytes.length - maxShownBytes} bytes more; export shows all`);
  }
  return lines.join("\n");
}

function byteCount(bytes: Uint8Array): string {
  return bytes.length === 1 ? "1 byte" : `${bytes.length} bytes`;
}
