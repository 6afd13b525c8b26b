/** What people and other programs hand to the command line: lines, keys, values and files to load. */

import { CommandFailure } from "fastkv-cli/kit/failure";
import { readEntries } from "fastkv-plugin-shell/bulk/read-entries";
import { parseLine } from "fastkv-plugin-shell/text/line";
import { parseValue } from "fastkv-plugin-shell/text/value";
import type { FuzzTarget } from "./target.js";

const isFailure = (error: unknown): boolean => error instanceof CommandFailure;

const bulk: FuzzTarget = {
  name: "bulk-lines",
  async samples() {
    return {
      lines: Buffer.from(
        '{"key":"user:1","value":{"name":"Alice"},"encoding":"json"}\n{"key":"session:9","value":"x","encoding":"json","expiry":1790000000000}\n{"key":{"base64":"/wA="},"value":{"base64":"AAEC"},"encoding":"binary","tag":4}\n["plain", [1, 2]]\n',
      ),
      array: Buffer.from('[["key1", "value1"], {"key": "key2", "value": {"nested": ["data", 1.5, null]}}]'),
      proto: Buffer.from(
        '{"key":"k","value":{"__proto__":{"polluted":1}}}\n{"__proto__":{"key":1},"key":"a","value":1}\n',
      ),
      "bomb-depth": Buffer.from(`["k", ${"[".repeat(20_000)}`),
      "bomb-depth-array": Buffer.from(`[["k", ${"[".repeat(20_000)}`),
      mark: Buffer.from('\ufeff["k", 1]\r\n\r\n["l", 2]'),
    };
  },
  async feed(bytes) {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 37) {
        yield bytes.subarray(at, at + 37);
      }
    }
    for await (const group of readEntries(pieces())) {
      for (const entry of group) {
        if (Object.getPrototypeOf(entry) !== Object.prototype) {
          throw new Error("An entry has a prototype that its line chose");
        }
      }
    }
  },
  isRefusal: isFailure,
};

const line: FuzzTarget = {
  name: "shell-line",
  async samples() {
    return {
      put: Buffer.from(`put user:1 '{"name": "Alice", "tags": ["a", "b"]}' --ttl 5m`),
      escapes: Buffer.from("get $'\\x41\\u00e9\\U0001F600\\101\\xff' \"a\\\"b\" 'it'\\''s' # a comment"),
      open: Buffer.from("put k 'never closed"),
      numbers: Buffer.from("put k 12345678901234567890 1e999 -0 007"),
      proto: Buffer.from('put k \'{"__proto__": {"polluted": 1}}\''),
      "bomb-depth": Buffer.from(`put k ${"[".repeat(20_000)}`),
    };
  },
  feed(bytes) {
    for (const { value } of parseLine(bytes.toString()).words) {
      if (typeof value === "string") {
        for (const encoding of [undefined, "json", "msgpack", "structured", "binary"] as const) {
          try {
            parseValue(value, encoding);
          } catch (error) {
            if (!isFailure(error)) {
              throw error;
            }
          }
        }
      }
    }
  },
  isRefusal: isFailure,
};

export const textTargets: readonly FuzzTarget[] = [bulk, line];
