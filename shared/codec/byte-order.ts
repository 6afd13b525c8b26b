import { endianness } from "node:os";

const isBigEndianMachine = endianness() === "BE";

/** Converts elements between this machine's byte order and little-endian, in place. Does nothing on most machines. */
export function swapOnBigEndian(elements: Buffer, elementBytes: number): void {
  if (!isBigEndianMachine) {
    return;
  }
  if (elementBytes === 2) {
    elements.swap16();
  } else if (elementBytes === 4) {
    elements.swap32();
  } else if (elementBytes === 8) {
    elements.swap64();
  }
}
