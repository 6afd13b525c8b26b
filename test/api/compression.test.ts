import zlib from "node:zlib";
import { expect } from "chai";
import { rejection } from "../support/errors.js";
import { useStores } from "./support/stores.js";

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
