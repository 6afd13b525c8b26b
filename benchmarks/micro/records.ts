/**
 * The records of the peers' comparison: 17-byte keys, and objects of seven fields that take about 130 bytes as JSON.
 */

export const recordCount = 50_000;

const records = Array.from({ length: recordCount }, (_, number) => ({
  id: number,
  name: `person-${String(number % 1_000).padStart(6, "0")}`,
  email: `person-${String(number % 1_000).padStart(6, "0")}@example.com`,
  active: number % 3 === 0,
  age: number % 90,
  city: "Reykjavik",
  score: number / 7,
}));

const keys = Array.from({ length: recordCount }, (_, number) =>
  Buffer.from(`record:${String(number).padStart(10, "0")}`).toString("latin1"),
);
const keyBuffers = keys.map((key) => Buffer.from(key, "latin1"));
const valueBuffers = records.map((record) => Buffer.from(JSON.stringify(record)));

/** Has no common divisor with the count, so it visits all numbers, in scattered order. */
const stride = 30_901;

export function scattered(index: number): number {
  return (index * stride) % recordCount;
}

export const recordOf = (number: number): unknown => records[number];
export const keyOf = (number: number): string => keys[number]!;
export const keyBytesOf = (number: number): Buffer => keyBuffers[number]!;
export const valueBytesOf = (number: number): Buffer => valueBuffers[number]!;
