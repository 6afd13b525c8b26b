import assert from "node:assert/strict";
import { expect } from "chai";
import { FastKV, type FastKVError, type StoredEntry } from "../../coordinator/index.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

class Point {
  x = 3;
}

async function failureOf(call: Promise<unknown>): Promise<FastKVError> {
  return call.then(
    () => expect.fail("the entry was taken"),
    (error: FastKVError) => error,
  );
}

describe("Entries as they are stored", () => {
  const folder = useTemporaryFolder();

  it("copy a database exactly, into another number of shards", async () => {
    const from = await FastKV.open(`${folder()}/from`, { shards: 2 });
    from.registerClass(Point);
    await from.put("json", { a: [1, "é", null] });
    await from.put("json-expires", 1, { ttl: 3_600_000 });
    await from.put("msgpack", { at: new Date(5), big: 2n ** 60n }, { encoding: "msgpack" });
    const cycle: { self?: unknown; map: Map<unknown, unknown> } = { map: new Map([[-0, Number.NaN]]) };
    cycle.self = cycle;
    await from.put("structured", cycle, { encoding: "structured" });
    await from.put("instance", new Point(), { encoding: "structured" });
    await from.put("buffer", Buffer.from([1, 2]), { encoding: "binary" });
    await from.put("bytes", new Uint8Array([1, 2]), { encoding: "binary" });
    await from.put(new Uint8Array([0xff, 0]), "a key that is no text");
    const before = await from.storedEntries({ keyEncoding: "binary" }).toArray();
    expect(before.map((entry) => entry.encoding).sort()).to.deep.equal(
      ["binary", "binary", "json", "json", "json", "msgpack", "structured", "structured"].sort(),
    );

    const to = await FastKV.open(`${folder()}/to`, { shards: 3 });
    const { keys } = await to.bulkLoad(from.storedEntries({ keyEncoding: "binary" }));
    expect(keys).to.equal(8);
    assert.deepStrictEqual(await to.storedEntries({ keyEncoding: "binary" }).toArray(), before);
    to.registerClass(Point);
    expect(await to.get("instance")).to.be.instanceOf(Point);
    expect(Buffer.isBuffer(await to.get("buffer"))).to.equal(true);
    expect(Buffer.isBuffer(await to.get("bytes"))).to.equal(false);
    assert.deepStrictEqual(await to.get("structured"), cycle);
    await Promise.all([from.close(), to.close()]);
  });

  it("are refused where their bytes could not be read back, and then nothing is loaded", async () => {
    const db = await FastKV.open(`${folder()}/db`);
    const good: StoredEntry = {
      key: "a",
      stored: Buffer.from("1"),
      encoding: "json",
      tag: 1,
      expiresAt: undefined,
    };
    const bad: [Partial<StoredEntry>, string][] = [
      [{ stored: Buffer.from("{") }, "FASTKV_INVALID_VALUE"],
      [{ tag: 2, stored: Buffer.from([0xc1]) }, "FASTKV_INVALID_VALUE"],
      [{ tag: 99 }, "FASTKV_INVALID_OPTION"],
      [{ stored: "1" as unknown as Uint8Array }, "FASTKV_INVALID_OPTION"],
      [{ expiresAt: -1 }, "FASTKV_INVALID_OPTION"],
      [{ key: "\ud800" }, "FASTKV_INVALID_KEY"],
    ];
    for (const [change, code] of bad) {
      const error = await failureOf(db.bulkLoad([good, { ...good, ...change }]));
      expect(error.code, JSON.stringify(change)).to.equal(code);
    }
    expect(await db.count()).to.equal(0);
    await db.bulkLoad([good, { key: "b", value: 2, expiresAt: 1 }]);
    expect(await db.scan().toArray()).to.deep.equal([["a", 1]]);
    await db.close();
  });
});
