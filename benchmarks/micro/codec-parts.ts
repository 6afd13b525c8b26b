import { copyPlain } from "../../coordinator/cache/plain-value.js";
import { ValueCodec } from "../../shared/codec/value-codec.js";
import { hashBytes } from "../../shared/hash.js";
import { measurePart, type PartCost } from "./measure.js";
import { keyBytesOf, recordCount, recordOf, valueBytesOf } from "./records.js";

/** Values and keys: the work of the coordinator on each before anything is sent. */
export function codecParts(): PartCost[] {
  const encodings = ["json", "msgpack", "structured"] as const;
  return [
    ...encodings.flatMap((encoding) => {
      const codec = new ValueCodec();
      const encoded = Array.from({ length: recordCount }, (_, number) => {
        const bytes = Buffer.from(codec.encode(recordOf(number), encoding));
        return { bytes, tag: codec.tag };
      });
      return [
        measurePart(
          `encode a value, ${encoding}`,
          recordCount,
          () => codec,
          () => {
            let bytes = 0;
            for (let number = 0; number < recordCount; number++) {
              bytes += codec.encode(recordOf(number), encoding).length;
            }
            return bytes;
          },
        ),
        measurePart(
          `decode a value, ${encoding}`,
          recordCount,
          () => codec,
          () => {
            let last: unknown;
            for (const { bytes, tag } of encoded) {
              last = codec.decode(tag, bytes, 0, bytes.length);
            }
            return last;
          },
        ),
      ];
    }),
    measurePart(
      "hash a key",
      recordCount,
      () => undefined,
      () => {
        let sum = 0;
        for (let number = 0; number < recordCount; number++) {
          const key = keyBytesOf(number);
          sum ^= hashBytes(key, 0, key.length);
        }
        return sum;
      },
    ),
    measurePart(
      "give a plain value from a cache",
      recordCount,
      () => Array.from({ length: recordCount }, (_, number) => recordOf(number)),
      (values) => {
        let last: unknown;
        for (const value of values) {
          last = copyPlain(value, "flat");
        }
        return last;
      },
    ),
    measurePart(
      "copy the bytes of a value",
      recordCount,
      () => Buffer.alloc(4096),
      (target) => {
        for (let number = 0; number < recordCount; number++) {
          target.set(valueBytesOf(number), 0);
        }
        return target;
      },
    ),
  ];
}
