import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

class Point {
  x = 1;
  y = 2;
}

export const encodings: SelfTest = {
  name: "Encodings (json, msgpack, structured, binary)",
  async run(folder) {
    {
      await using db = await FastKV.open(folder);
      await writeAll(db);
    }
    await using db = await FastKV.open(folder);
    db.registerClass(Point);
    assert.deepEqual(await db.get("json"), { text: "é", list: [1, null, true] });
    assert.deepEqual(await db.get("msgpack"), { when: new Date(0), number: 1.5 });
    assert.deepEqual(new Uint8Array((await db.get("binary")) as Uint8Array), new Uint8Array([0, 1, 255]));
    const value = (await db.get("structured")) as { self: unknown; point: unknown };
    assert.deepEqual(value.point, new Point());
    assert.equal(value.self, value, "a cycle is not the same object");
    const { self: _, ...rest } = value as { self: unknown } & Record<string, unknown>;
    assert.deepEqual(rest, structuredParts());
  },
};

async function writeAll(db: FastKV): Promise<void> {
  db.registerClass(Point);
  await db.put("json", { text: "é", list: [1, null, true] });
  await db.put("msgpack", { when: new Date(0), number: 1.5 }, { encoding: "msgpack" });
  await db.put("binary", new Uint8Array([0, 1, 255]), { encoding: "binary" });
  const cyclic: Record<string, unknown> = structuredParts();
  cyclic.self = cyclic;
  await db.put("structured", cyclic, { encoding: "structured" });
  for (const refused of [undefined, Number.NaN, 10n, () => 1, new Map()]) {
    await assert.rejects(async () => db.put("refused", refused), { code: "FASTKV_INVALID_VALUE" });
  }
}

function structuredParts(): Record<string, unknown> {
  return {
    map: new Map<unknown, unknown>([["a", new Set([1, 2])]]),
    big: 12345678901234567890n,
    pattern: /a+b/gi,
    date: new Date(1_700_000_000_000),
    bytes: new Uint16Array([1, 65535]),
    point: new Point(),
  };
}
