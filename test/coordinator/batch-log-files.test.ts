import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { manyKeys, useStores } from "../api/support/stores.js";

describe("The files of the batch log", () => {
  const stores = useStores();

  it("are one after each opening: what a crash left of others goes, and nobody else's file", async () => {
    const pairs = manyKeys(64).map((key): [string, number] => [key, 1]);
    const first = await stores().open();
    await first.batchPut(pairs);
    await first.close();
    const { folder } = stores();
    for (const name of ["batch-log-000002.tmp", "batch-log-000009.tmp", "batch-log-notes.tmp"]) {
      fs.writeFileSync(path.join(folder, name), "half a record");
    }
    const again = await stores().open();
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("batch-log"))).to.deep.equal([
      "batch-log-000002",
      "batch-log-notes.tmp",
    ]);
    await again.batchPut(pairs);
    expect(await again.count()).to.equal(64);
  });
});
