import zlib from "node:zlib";
import { expect } from "chai";
import { rejection } from "../support/errors.js";
import { manyKeys, useStores } from "./support/stores.js";

describe("A codec", () => {
  const stores = useStores();

  it("that this Node does not have is refused when a database is opened, not when it flushes", async () => {
    const opening = stores().open({ compression: "zstd" });
    if ("zstdCompressSync" in zlib) {
      await (await opening).put("a", 1);
    } else {
      expect((await rejection(opening)).code).to.equal("FASTKV_UNSUPPORTED_FORMAT");
    }
  });

  it("may be left out later: what it made small is merged into as many tables as that takes", async () => {
    const options = { shards: 1, targetTableSize: 64 * 1024 };
    const keys = manyKeys(2000);
    const packed = await stores().open({ ...options, compression: "snappy" });
    await packed.bulkLoad(keys.map((key) => [key, "x".repeat(4000)]));
    await packed.compact();
    const small = (await packed.stats()).total_sstables;
    await packed.close();
    const db = await stores().open({ ...options, compression: "none" });
    await db.put(keys[0]!, "first");
    await db.put(keys.at(-1)!, "last");
    await db.compact();
    expect((await db.stats()).total_sstables).to.be.above(small * 5);
    expect(await db.count()).to.equal(2000);
    expect(await db.get(keys[1000]!)).to.equal("x".repeat(4000));
  });

  it("with blocks as large as tables does not keep these from being merged", async () => {
    const options = {
      shards: 1,
      targetTableSize: 64 * 1024,
      blockSize: 64 * 1024,
      compression: "snappy",
    } as const;
    const db = await stores().open(options);
    const keys = manyKeys(3000);
    for (const round of [1, 2]) {
      await db.batchPut(keys.map((key) => [key, "y".repeat(1200) + round]));
      await db.flush();
    }
    await db.compact();
    expect(await db.getMany(keys)).to.deep.equal(keys.map(() => `${"y".repeat(1200)}2`));
  });

  it("that was refused at the creation of a database leaves it to be opened without", async () => {
    await stores()
      .open({ compression: "zstd" })
      .then((db) => db.close())
      .catch(() => undefined);
    const db = await stores().open({ compression: "snappy" });
    await db.put("a", "x".repeat(10_000));
    await db.flush();
    expect(await db.get("a")).to.equal("x".repeat(10_000));
  });
});
