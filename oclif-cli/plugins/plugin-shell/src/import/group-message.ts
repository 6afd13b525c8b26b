/** Entries in transfer from the process that reads to the one that loads: few large buffers, not many small ones. */

import { deserialize, serialize } from "node:v8";
import type { SourceEntry, SourceValue } from "./source.js";

const kinds = ["bytes", "json", "structured", "msgpack"] as const satisfies SourceValue["kind"][];

/** Keys and values of a group, one after the other, and where each ends. */
export interface GroupMessage {
  bytes: Uint8Array;
  /** Two for each entry: the ends of its key and its value. */
  ends: Uint32Array;
  /** One for each entry, an index in `kinds`. */
  kinds: Uint8Array;
}

export function encodeGroup(entries: readonly SourceEntry[]): GroupMessage {
  const parts: Uint8Array[] = [];
  const ends = new Uint32Array(entries.length * 2);
  const kindOf = new Uint8Array(entries.length);
  let bytes = 0;
  let at = 0;
  for (const { key, value } of entries) {
    const content = contentOf(value);
    kindOf[at / 2] = kinds.indexOf(value.kind);
    bytes += key.length;
    ends[at++] = bytes;
    bytes += content.length;
    ends[at++] = bytes;
    parts.push(key, content);
  }
  return { bytes: Buffer.concat(parts), ends, kinds: kindOf };
}

function contentOf(value: SourceValue): Uint8Array {
  switch (value.kind) {
    case "bytes":
      return value.bytes;
    case "json":
      return Buffer.from(JSON.stringify(value.value));
    default:
      return serialize(value.value);
  }
}

/** The entries' buffers are views of the message's buffer. */
export function decodeGroup(message: GroupMessage): SourceEntry[] {
  const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength);
  const entries: SourceEntry[] = [];
  let start = 0;
  for (let index = 0; index < message.kinds.length; index++) {
    const keyEnd = message.ends[index * 2]!;
    const end = message.ends[index * 2 + 1]!;
    const kind = kinds[message.kinds[index]!]!;
    entries.push({ key: bytes.subarray(start, keyEnd), value: valueFrom(kind, bytes.subarray(keyEnd, end)) });
    start = end;
  }
  return entries;
}

function valueFrom(kind: SourceValue["kind"], content: Buffer): SourceValue {
  switch (kind) {
    case "bytes":
      return { kind, bytes: content };
    case "json":
      return { kind, value: JSON.parse(content.toString("utf8")) as unknown };
    default:
      return { kind, value: deserialize(content) as unknown };
  }
}
