import { expect } from "chai";
import {
  decodeMessage,
  encodeMessage,
  frameType,
  frameTypeOf,
  unpackSmall,
} from "../../../shared/wire/frame.js";
import { caught } from "../../support/errors.js";

function messageWith(meta: Buffer): Buffer {
  const frame = Buffer.concat([encodeMessage(frameType.request, 0, null).subarray(0, 16), meta]);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt32LE(meta.length, 12);
  return frame;
}

describe("shared: messages in frames", () => {
  it("come back as they were", () => {
    const meta = {
      type: "page",
      lower: Buffer.from([1, 0xff]),
      upper: null,
      maxEntries: 2 ** 40,
      list: [1, "é"],
    };
    const message = decodeMessage(encodeMessage(frameType.reply, 7, meta, Buffer.from("raw")));
    expect(message).to.deep.include({ type: frameType.reply, id: 7, raw: Buffer.from("raw") });
    expect(message.meta).to.deep.equal(meta);
  });

  it("are refused where their msgpack nests too deep, runs an extension, names a prototype or is cut", () => {
    const bad = [
      Buffer.alloc(100_000, 0x91),
      Buffer.from("d4724091a16101", "hex"),
      Buffer.from("81a95f5f70726f746f5f5f80", "hex"),
      Buffer.from("dd01ffffff", "hex"),
      Buffer.alloc(0),
    ];
    for (const meta of bad) {
      expect(caught(() => decodeMessage(messageWith(meta))).message).to.contain(
        "Malformed frame: its msgpack",
      );
      expect(caught(() => unpackSmall(meta)).message).to.contain("Malformed frame: its msgpack");
    }
  });

  it("are refused where they are too short or their meta data does not fit", () => {
    const frame = encodeMessage(frameType.request, 1, { a: 1 });
    expect(caught(() => decodeMessage(frame.subarray(0, 15))).message).to.contain("too short");
    expect(caught(() => decodeMessage(frame.subarray(0, -1))).message).to.contain("does not fit");
  });

  it("have one of the known types and versions", () => {
    const frame = encodeMessage(frameType.event, 0, {});
    expect(frameTypeOf(frame)).to.equal(frameType.event);
    for (const [at, byte] of [
      [4, 2],
      [5, 0],
      [5, 9],
    ] as const) {
      const changed = Buffer.from(frame);
      changed[at] = byte;
      expect(caught(() => frameTypeOf(changed)).message).to.contain("Malformed frame");
    }
  });
});
