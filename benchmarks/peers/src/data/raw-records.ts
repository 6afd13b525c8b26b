import { Random } from "fastkv-plugin-benchmark/random";
import { type Records, recordKey } from "./records.js";

const headerBytes = 8;

/** Bytes: number and version in the first eight, then data that compresses to about half. */
export function rawRecords(sizeBytes: number): Records {
  const random = new Random(sizeBytes);
  const fillings = Array.from({ length: 97 }, () => {
    const half = Buffer.from(Array.from({ length: Math.ceil(sizeBytes / 2) }, () => random.below(256)));
    return Buffer.concat([half, half]).subarray(0, sizeBytes);
  });
  return {
    values: "binary",
    isOrdered: true,
    keyOf: recordKey,
    valueOf(number, version) {
      const value = Buffer.from(fillings[number % fillings.length]!);
      value.writeUInt32LE(number, 0);
      value.writeUInt32LE(version, 4);
      return value;
    },
    versionOf(number, value) {
      if (!(value instanceof Uint8Array) || value.length !== sizeBytes) {
        return undefined;
      }
      const bytes = bufferOf(value);
      const filling = fillings[number % fillings.length]!;
      const isSame =
        bytes.readUInt32LE(0) === number &&
        filling.compare(bytes, headerBytes, sizeBytes, headerBytes, sizeBytes) === 0;
      return isSame ? bytes.readUInt32LE(4) : undefined;
    },
    numberOf: (value) => bufferOf(value as Uint8Array).readUInt32LE(0),
  };
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
}
