import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { repair, verify } from "../../coordinator/index.js";
import { useStores } from "../api/support/stores.js";

const hostileKeys = [
  "../../victim",
  "../victim",
  "/etc/passwd",
  "..",
  ".",
  "/",
  "",
  "shard-000/CURRENT",
  "FASTKV",
  "OWNER-0000000001",
  "a\u0000b",
  "\u0000",
  "C:\\Windows",
  "~/.ssh/id_rsa",
  "$(touch victim)",
  "`touch victim`",
  "; touch victim",
  "x".repeat(65_535),
  "a/".repeat(2000),
];

/** All that FastKV ever makes in a database's folder. */
const ownNames =
  /^(FASTKV|OWNER-\d{10}|batch-log-\d+|lost-\d{10}(\/.*)?|shard-\d{3}(\/(CURRENT|MANIFEST-\d+|\d+\.(wal|sst|load)))?)(\.tmp)?$/;

describe("Keys", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("never become paths, whatever is done with them", async () => {
    const { root, folder } = stores();
    const victim = path.join(root, "victim");
    fs.writeFileSync(victim, "precious");
    const checkFiles = (): void => {
      const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
      expect(names.filter((name) => !ownNames.test(name))).to.deep.equal([]);
      expect(fs.readdirSync(root).sort()).to.deep.equal(["db", "run", "victim"]);
      expect(fs.readFileSync(victim, "utf8")).to.equal("precious");
    };
    const db = await stores().open({ encoding: "structured" });
    class Hostile {
      value = 1;
    }
    db.registerClass(Hostile, { name: "../../victim" });
    for (const key of hostileKeys) {
      await db.put(key, key);
      expect(await db.get(key)).to.equal(key);
    }
    await db.put("class", new Hostile());
    await db.batchPut(hostileKeys.map((key) => [`batch/${key}`.slice(0, 65_535), key]));
    checkFiles();
    await db.flush();
    await db.bulkLoad(hostileKeys.map((key) => [key, `${key} loaded`] as const));
    checkFiles();
    await db.compact();
    expect(await db.getMany(hostileKeys)).to.deep.equal(hostileKeys.map((key) => `${key} loaded`));
    expect(await db.get("class")).to.be.instanceOf(Hostile);
    await db.clear({ prefix: "../" });
    await db.close();
    checkFiles();
    expect((await verify(folder)).isSound).to.equal(true);
    await repair(folder);
    checkFiles();
  });
});
