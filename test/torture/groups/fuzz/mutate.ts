/** Changes bytes the way damage, bugs and attackers do: bits, lengths, cuts, insertions, pieces of other inputs. */

import type { Random } from "../../../support/random.js";

/** A number in the bytes that says how long or how many something is. */
export interface Field {
  readonly at: number;
  readonly sizeBytes: 1 | 2 | 4 | 8;
}

const edges = [
  0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];

/** One to four changes. `fieldsOf` gives the numbers that are worth changing; none: any bytes are. */
export function mutate(
  sound: Buffer,
  others: readonly Buffer[],
  random: Random,
  fieldsOf: (bytes: Buffer) => readonly Field[],
): Buffer {
  let bytes: Buffer = Buffer.from(sound);
  for (let count = random.between(1, 4); count > 0; count--) {
    bytes = mutateOnce(bytes, others, random, fieldsOf(bytes));
  }
  return bytes;
}

function mutateOnce(
  bytes: Buffer,
  others: readonly Buffer[],
  random: Random,
  fields: readonly Field[],
): Buffer {
  if (bytes.length === 0) {
    return random.bytes(random.int(64));
  }
  const at = random.int(bytes.length);
  switch (random.int(fields.length > 0 ? 12 : 8)) {
    case 0:
    case 1:
      bytes[at]! ^= 1 << random.int(8);
      return bytes;
    case 2:
      bytes[at] = random.pick(edges) & 0xff;
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.between(1, 32)), bytes.subarray(at)]);
    case 5: {
      const end = Math.min(bytes.length, at + random.between(1, 64));
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    case 6: {
      const other = random.pick(others);
      const from = random.int(other.length + 1);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + random.between(1, 400))]);
    }
    case 7: {
      const end = Math.min(bytes.length, at + random.between(1, 64));
      const piece = bytes.subarray(at, end);
      return Buffer.concat([
        bytes.subarray(0, end),
        ...Array<Buffer>(random.between(1, 8)).fill(piece),
        bytes.subarray(end),
      ]);
    }
    default:
      setField(bytes, random.pick(fields), random);
      return bytes;
  }
}

function setField(bytes: Buffer, { at, sizeBytes }: Field, random: Random): void {
  if (at + sizeBytes > bytes.length) {
    return;
  }
  const low = sizeBytes === 8 ? 4 : sizeBytes;
  const now = bytes.readUIntLE(at, low);
  const most = 256 ** low;
  const next = random.chance(0.5)
    ? random.pick(edges)
    : now + random.pick([-2, -1, 1, 2, 48, -48, now, 1000]);
  bytes.writeUIntLE((((next % most) + most) % most) >>> 0, at, low);
  if (sizeBytes === 8 && random.chance(0.3)) {
    bytes.writeUInt32LE(random.pick([0, 1, 0x1f_ffff, 0x20_0000, 0xffff_ffff]), at + 4);
  }
}
