/** Keys as text: how to show them, and how to quote them so that the shell reads them back. */

import { isUtf8 } from "node:buffer";
import { hasUnsafeCharacters } from "fastkv-cli/kit/escape";
import type { Quote } from "./line.js";

export type Key = string | Uint8Array;

/** Text if the bytes are UTF-8, otherwise the bytes themselves. */
export function keyFromBytes(bytes: Uint8Array): Key {
  return isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")
    : bytes;
}

/** The key as it is if that is clear and harmless, otherwise quoted as the shell reads it. */
export function displayKey(key: Key): string {
  if (typeof key === "string" && !hasUnsafeCharacters(key) && /^[^\s'"$](?:.*\S)?$/u.test(key)) {
    return key;
  }
  return quoteKey(key);
}

/** A word that the shell reads back as exactly this key. */
export function quoteKey(key: Key): string {
  if (typeof key !== "string" || hasUnsafeCharacters(key)) {
    return escapedQuote(key);
  }
  if (/^[^\s'"\\$#-][^\s'"\\]*$/u.test(key)) {
    return key;
  }
  return `'${key.replaceAll("'", "'\\''")}'`;
}

/** The key as the continuation of a word that began with the given quote, including the closing quote. */
export function quoteKeyAs(key: Key, quote: Quote | undefined): string {
  if (typeof key !== "string" || hasUnsafeCharacters(key) || quote === "$'") {
    return escapedQuote(key);
  }
  if (quote === "'") {
    return `'${key.replaceAll("'", "'\\''")}'`;
  }
  if (quote === '"') {
    return `"${key.replace(/["\\$`]/g, "\\$&")}"`;
  }
  return key === "" ? "''" : key.replace(/[\s'"\\]|^[$#]/gu, "\\$&");
}

const names: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", "'": "\\'" };

function escapedQuote(key: Key): string {
  let text = "";
  if (typeof key === "string") {
    for (const character of key) {
      text += names[character] ?? escapeCharacter(character);
    }
  } else {
    for (const byte of key) {
      const character = String.fromCharCode(byte);
      text += byte >= 0x20 && byte < 0x7f ? (names[character] ?? character) : escapeByte(byte);
    }
  }
  return `$'${text}'`;
}

function escapeCharacter(character: string): string {
  if (!hasUnsafeCharacters(character)) {
    return character;
  }
  const code = character.charCodeAt(0);
  return code < 0x80 ? escapeByte(code) : `\\u${code.toString(16).padStart(4, "0")}`;
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
