/**
 * Loaded into a shard process with `--import mangle.js?seed=N`: some of the frames that it sends are changed on their way,
 * as by a shard gone mad. The first one, which says who it is, stays as it is.
 */

import net from "node:net";
import { Random } from "../../../support/random.js";
import { mutate } from "./mutate.js";

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

function mangled(frame: Buffer): Buffer {
  const fields = [0, 4, 8, 12, 16, 40, 44].map((at) => ({ at, sizeBytes: 4 as const }));
  const bytes = mutate(frame, [frame], random, () => fields);
  if (random.chance(0.6) && bytes.length >= 8) {
    bytes.writeUInt32LE(bytes.length, 0);
  }
  return bytes;
}
