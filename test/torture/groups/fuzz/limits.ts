/** What one input may cost: the demands that hold for every decoder. */

import { FastKVError, type FastKVErrorCode } from "../../../../shared/errors.js";
import { MemoryMeter } from "../../../support/memory.js";
import type { FuzzTarget } from "./target.js";

const meter = new MemoryMeter();

/** Hundreds of times what an input of a few kilobytes takes, and a hundredth of what a claimed length may ask for. */
const mostBytes = 16 * 1024 * 1024;
const mostBytesPerByte = 256;
const mostMs = 5000;

const refusals: readonly FastKVErrorCode[] = [
  "FASTKV_CORRUPTION",
  "FASTKV_UNSUPPORTED_FORMAT",
  "FASTKV_INVALID_VALUE",
];

const prototypes = [Object, Array, Function, String, Number, Map, Set, Buffer].map(
  (type): object => type.prototype as object,
);
const namesBefore = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);

/** Throws where a prototype has got or lost a property. */
export function checkPrototypes(): void {
  prototypes.forEach((prototype, at) => {
    const names = Reflect.ownKeys(prototype);
    if (names.length !== namesBefore[at]) {
      throw new Error(`A PROTOTYPE WAS TOUCHED: it has ${names.map(String).join(" ")}`);
    }
  });
}

/** Feeds one input. True where it was taken, false where it was refused as it should be. Else it throws. */
export async function feedWithin(target: FuzzTarget, bytes: Buffer): Promise<boolean> {
  meter.start();
  const startMs = performance.now();
  let isTaken = true;
  try {
    const fed = target.feed(bytes);
    if (fed !== undefined) {
      await fed;
    }
  } catch (error) {
    isTaken = false;
    const isOurs = error instanceof FastKVError && refusals.includes(error.code);
    if (!isOurs && target.isRefusal?.(error) !== true) {
      throw new Error(`AN ERROR THAT IS NONE OF OURS: ${String((error as Error)?.stack ?? error)}`, {
        cause: error,
      });
    }
  }
  const { tookBytes } = meter;
  const tookMs = performance.now() - startMs;
  if (tookBytes > mostBytes + mostBytesPerByte * bytes.length) {
    throw new Error(`TOO MUCH MEMORY: ${tookBytes} bytes for an input of ${bytes.length}`);
  }
  if (tookMs > mostMs) {
    throw new Error(`TOO MUCH TIME: ${Math.round(tookMs)} ms for an input of ${bytes.length} bytes`);
  }
  checkPrototypes();
  return isTaken;
}
