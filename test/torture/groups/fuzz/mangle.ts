/**
 * Loaded into a shard process with `--import mangle.js?seed=N`: some of the frames that it sends are changed on their way,
 * as by a shard gone mad. The first one, which says who it is, stays as it is.
 */

import net from "node:net";
import { maxFrameBytes } from "../../../../shared/limits.js";
import { frameType, messageHeaderBytes } from "../../../../shared/wire/frame.js";
import { Random } from "../../../support/random.js";

const random = new Random(Number(new URL(import.meta.url).searchParams.get("seed")));
const write = net.Socket.prototype.write as (this: net.Socket, ...values: unknown[]) => boolean;
const soundFrames = 2;
let frames = 0;

net.Socket.prototype.write = function (this: net.Socket, ...values: unknown[]): boolean {
  const [chunk, ...rest] = values;
  frames += 1;
  const isMangled = Buffer.isBuffer(chunk) && frames > soundFrames && random.chance(0.05);
  return write.call(this, isMangled ? mangled(chunk) : chunk, ...rest);
} as typeof net.Socket.prototype.write;

/** What a receiver can see to be wrong: a frame that lies about an answer, or waits for bytes that never come, is none. */
function mangled(sound: Buffer): Buffer {
  const frame = Buffer.from(sound);
  const isAnswers = frame[5] === frameType.answers;
  switch (random.int(4)) {
    case 0:
      frame.writeUInt32LE(random.pick([0, 7, maxFrameBytes + 1, 0x7fff_ffff, 0xffff_ffff]), 0);
      return frame;
    case 1:
      frame[4] = random.pick([0, 2, 255]);
      return frame;
    case 2:
      frame[5] = random.pick([0, 7, 255]);
      return frame;
    default: {
      const at = isAnswers ? 44 : 12;
      if (random.chance(0.5) || isAnswers) {
        frame.writeUInt32LE(random.pick([frame.length, 0x7fff_ffff, 0xffff_ffff]), at);
        return frame;
      }
      return withMeta(frame, random.pick([bomb, random.bytes(20), Buffer.alloc(0)]));
    }
  }
}

/** A hundred arrays of 32 million elements, each within the one before. */
const bomb = Buffer.concat(Array<Buffer>(100).fill(Buffer.from("dd01ffffff", "hex")));

function withMeta(message: Buffer, meta: Buffer): Buffer {
  const frame = Buffer.concat([message.subarray(0, messageHeaderBytes), meta]);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt32LE(meta.length, 12);
  return frame;
}
