/** Rows as a memtable has them, and keys that are hard to sort by a few of their bytes. */

import { Arena } from "../../../../shard/engine/memtable/arena.js";
import { none, Rows } from "../../../../shard/engine/memtable/rows.js";
import { bytesOf } from "../../../../shared/bytes.js";
import { OperationReader, OperationSection, operationKind } from "../../../../shared/format/operations.js";
import type { Random } from "../../../support/random.js";

export const keyFamilies: Record<string, (random: Random) => string> = {
  "any bytes": (random) => random.bytes(random.int(10)).toString("latin1"),
  "the same beginning, then a few bytes": (random) => `user:profile:${random.int(100_000)}`,
  "alike in five bytes, and again in the next": (random) =>
    Array.from({ length: random.between(1, 9) }, () => random.pick(["aaaaa", "aaaab", "zzzzz"])).join(""),
  "zeros at their ends": (random) => `${random.pick(["", "k", "kkkkk"])}${"\0".repeat(random.int(1500))}`,
  "each the beginning of others": (random) => "abc".repeat(1000).slice(0, random.int(3000)),
  "bytes above 127": (random) => `\u00ff\u0080${random.bytes(random.int(6)).toString("latin1")}`,
  "long beginnings of two kinds": (random) => `${random.pick(["p", "q"]).repeat(300)}${random.int(20_000)}`,
};

/** At most `count` keys, each once, in no order. */
export function distinctKeys(random: Random, count: number, keyOf: (random: Random) => string): string[] {
  return [...new Set(Array.from({ length: count }, () => keyOf(random)))];
}

/** One row for each key, in chunks of 4 KiB at first; some expire, so that their keys stand elsewhere in their bytes. */
export function rowsOf(random: Random, keys: readonly string[]): Rows {
  const rows = new Rows(new Arena(1024));
  keys.forEach((key, at) => {
    const section = new OperationSection(64);
    const expiresAt = random.chance(0.3) ? 5 : 0;
    const value = Buffer.alloc(random.int(4), 0xff);
    section.append(
      { kind: operationKind.put, tag: 0, expiresAt, logged: false, key: bytesOf(key), value },
      0,
    );
    const { chunk, start, end } = rows.arena.append(section.bytes(), at + 1);
    const operation = new OperationReader(rows.arena.buffer(chunk), start, end);
    operation.next();
    rows.add(at + 1, chunk, operation.start, none);
  });
  return rows;
}

export function byKey(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
