/** The decoders of values, of frames and of messages in them. */

import { PageReader } from "../../../../coordinator/encoding/page-reader.js";
import type { Decode } from "../../../../coordinator/encoding/value-runs.js";
import { AnswerReader } from "../../../../coordinator/shards/answer-reader.js";
import { AnswerWriter } from "../../../../shard/answer-writer.js";
import { entryKind } from "../../../../shard/engine/iterator/cursor.js";
import { PageWriter } from "../../../../shard/page-writer.js";
import { ValueCodec } from "../../../../shared/codec/value-codec.js";
import { FastKVError } from "../../../../shared/errors.js";
import { encodingTag } from "../../../../shared/format/value-encoding.js";
import {
  answerStatus,
  decodeMessage,
  encodeMessage,
  frameType,
  frameTypeOf,
  readAnswersHeader,
  readOperationsHeader,
  writeOperationsHeader,
} from "../../../../shared/wire/frame.js";
import { FrameAssembler } from "../../../../shared/wire/frame-assembler.js";
import {
  decodePageRequest,
  encodePageRequest,
  type PageRequest,
  pageMode,
} from "../../../../shared/wire/page.js";
import type { FuzzTarget } from "./target.js";

class Registered {
  name = "registered";
}

const codec = new ValueCodec();
codec.registerClass(Registered);

const plain = { a: [1, "two", null, { b: [true, 1.5, "x".repeat(300)] }], c: "é", d: 2 ** 40 };
const rich = {
  when: new Date(5),
  map: new Map([["k", new Set([1n, -5n])]]),
  view: new Float64Array([1, 2]),
  error: new RangeError("no"),
  pattern: /a+/giu,
  instance: new Registered(),
};

function valueTarget(
  name: "json" | "msgpack" | "structured",
  bombs: Record<string, string | Buffer>,
): FuzzTarget {
  const tag = encodingTag[name];
  return {
    name: `value-${name}`,
    async samples() {
      const bytes = Object.entries(bombs).map(([bomb, content]): [string, Buffer] => [
        bomb,
        Buffer.from(content as string),
      ]);
      const shared: unknown[] = [1];
      const cyclic = { shared: [shared, shared], self: undefined as unknown };
      cyclic.self = cyclic;
      return {
        plain: Buffer.from(codec.encode(plain, name)),
        ...(name === "structured"
          ? { rich: Buffer.from(codec.encode(rich, name)), cyclic: Buffer.from(codec.encode(cyclic, name)) }
          : {}),
        ...Object.fromEntries(bytes),
      };
    },
    feed(bytes) {
      checkPlain(codec.decode(tag, bytes, 0, bytes.length));
    },
  };
}

/** What was decoded has the prototypes that its kinds have: none that the bytes chose. */
function checkPlain(root: unknown): void {
  const waiting: unknown[] = [root];
  const seen = new Set<unknown>();
  while (waiting.length > 0 && seen.size < 10_000) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) {
      continue;
    }
    seen.add(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    const type: unknown = prototype === null ? Object : (prototype as object).constructor;
    if (typeof type !== "function" || type.prototype !== (prototype ?? Object.prototype)) {
      throw new Error("A decoded value has a prototype that its bytes chose");
    }
    if (!ArrayBuffer.isView(value)) {
      waiting.push(...Object.values(value));
    }
    if (value instanceof Map || value instanceof Set) {
      waiting.push(...value.keys(), ...value.values());
    }
  }
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const repeated = (text: string, count: number): Buffer => Buffer.concat(Array<Buffer>(count).fill(hex(text)));

const json = valueTarget("json", {
  "bomb-depth": "[".repeat(20_000),
  "bomb-depth-objects": '{"a":'.repeat(5_000),
  "bomb-number": `1e${"9".repeat(5_000)}`,
  proto: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
});

const msgpack = valueTarget("msgpack", {
  "bomb-depth": repeated("91", 20_000),
  "bomb-count": hex("dd01ffffff"),
  "bomb-count-nested": repeated("dd01ffffff", 500),
  "bomb-map": hex("df7fffffff"),
  "bomb-text": hex("dbffffffff"),
  "bomb-bytes": hex("c6ffffffff"),
  "bomb-records": hex("d47240 91a161 01"),
  proto: hex("81 a95f5f70726f746f5f5f 81a8706f6c6c7574656401"),
});

const structured = valueTarget("structured", {
  "bomb-depth": Buffer.concat([hex("01"), repeated("1001", 10_000)]),
  "bomb-count": hex("0110ffffffff0f"),
  "bomb-text": hex("0109ffffffff0f"),
  "bomb-view": hex("011b04ffffffff0f"),
  "bomb-sparse": hex("0111ffffffff1f00"),
  proto: hex("0112 01 49 5f5f70726f746f5f5f 12 01 48 706f6c6c75746564 81"),
});

const assembler: FuzzTarget = {
  name: "frames",
  async samples() {
    const writes = Buffer.from("0101030002000000000000006b6579353a", "hex");
    const operations = Buffer.alloc(56 + writes.length + 11);
    writeOperationsHeader(operations, {
      flags: 1,
      timeMs: 1,
      firstSequence: 1,
      lastSequence: 1,
      logSyncedSequence: 0,
      confirmedSequence: 0,
      writeBytes: writes.length,
      readBytes: 11,
    });
    writes.copy(operations, 56);
    const entry = {
      sequence: 1,
      kind: entryKind.put,
      tag: encodingTag.json,
      expiresAt: 0,
      valueStart: 0,
      valueEnd: 7,
    };
    const found = { ...entry, valueBuffer: Buffer.from('{"a":1}') };
    const answers = new AnswerWriter();
    const page = new PageWriter();
    page.start(pageMode.entries);
    for (let at = 0; at < 5; at++) {
      answers.found(found, true);
      answers.missing();
      page.add(`key-${at}`, found);
    }
    answers.failed(new Error("damage"));
    const request: PageRequest = {
      type: "page",
      mode: pageMode.entries,
      lower: hex("01"),
      upper: hex("ff00"),
      reverse: false,
      sequence: 5,
      timeMs: 1,
      maxEntries: 5,
      maxBytes: 1000,
      holdId: 3,
    };
    return {
      operations,
      answers: answers.take({ writtenSequence: 1, syncedSequence: 1 }),
      hello: encodeMessage(frameType.request, 0, { token: "t".repeat(64), shardIndex: 0, pid: 5 }),
      page: page.take(7, { lower: "key-5", upper: null }).frame,
      "page-request": encodePageRequest(7, request, [1, 2]),
      failure: encodeMessage(frameType.failure, 7, { code: "FASTKV_IO", message: "m", writeOutcome: "none" }),
      two: Buffer.concat([operations, encodeMessage(frameType.event, 0, { type: "stall" })]),
      "open-again": encodeMessage(frameType.request, 9, { type: "open", folder: "/d", settings: {} }),
      "unknown-reply": encodeMessage(frameType.reply, 0xffff_fffe, {}),
      release: encodeMessage(frameType.request, 0, { type: "release", ids: [1, 2] }),
      oversized: hex("ffffffff 0103 0000"),
      undersized: hex("07000000 0103 0000"),
      "bomb-meta": encodeBomb(repeated("dd01ffffff", 500)),
      "proto-meta": encodeBomb(hex("81 a95f5f70726f746f5f5f 81a8706f6c6c7574656401")),
    };
  },
  fieldsOf: () => [
    { at: 0, sizeBytes: 4 },
    { at: 4, sizeBytes: 1 },
    { at: 5, sizeBytes: 1 },
    { at: 12, sizeBytes: 4 },
    { at: 16, sizeBytes: 4 },
    { at: 20, sizeBytes: 4 },
    { at: 24, sizeBytes: 4 },
    { at: 28, sizeBytes: 4 },
    { at: 40, sizeBytes: 4 },
    { at: 44, sizeBytes: 4 },
    { at: 48, sizeBytes: 4 },
    { at: 52, sizeBytes: 4 },
  ],
  /** A frame that is not begun with its own length only waits for more: mostly the length fits. */
  reseal(bytes) {
    if (bytes.length >= 8) {
      bytes.writeUInt32LE(bytes.length, 0);
    }
  },
  feed(bytes) {
    for (const chunkBytes of [bytes.length, 3]) {
      const assembling = new FrameAssembler(decodeFrame, 1024 * 1024);
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        assembling.push(bytes.subarray(at, at + chunkBytes));
      }
    }
  },
  isRefusal: (error) => error instanceof FastKVError && error.code === "FASTKV_INTERNAL",
};

const decodeAlone: Decode = (tag, bytes, start, end) => codec.decode(tag, bytes, start, end);

function decodeFrame(frame: Buffer): void {
  const type = frameTypeOf(frame);
  if (type === frameType.operations) {
    readOperationsHeader(frame);
  } else if (type === frameType.answers) {
    const answer = new AnswerReader(frame, readAnswersHeader(frame));
    while (answer.next()) {
      if (answer.status === answerStatus.error) {
        answer.error();
      } else {
        checkPlain(answer.value(decodeAlone));
      }
    }
  } else if (type === frameType.page) {
    const page = new PageReader(frame);
    while (page.next()) {
      checkPlain(page.value(decodeAlone));
    }
  } else if (type === frameType.pageRequest) {
    decodePageRequest(frame);
  } else {
    checkPlain(decodeMessage(frame).meta);
  }
}

function encodeBomb(meta: Buffer): Buffer {
  const sound = encodeMessage(frameType.request, 0, null);
  const frame = Buffer.concat([sound.subarray(0, 16), meta]);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt32LE(meta.length, 12);
  return frame;
}

export const valueTargets: readonly FuzzTarget[] = [json, msgpack, structured, assembler];
