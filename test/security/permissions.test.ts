import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { encodeMessage, frameType } from "../../shared/wire/frame.js";
import { manyKeys, type Stores, useStores } from "../api/support/stores.js";
import { type Attempt, strangerTries } from "./support/stranger.js";

const everybody = 0o077;

/** A folder and all below it, with modes. */
function modesBelow(folder: string): { name: string; mode: number; isFolder: boolean }[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  return [folder, ...names.map((name) => path.join(folder, name))].flatMap((name) => {
    // A file may be done with, and gone, by now.
    const stats = fs.lstatSync(name, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ name, mode: stats.mode & 0o7777, isFolder: stats.isDirectory() }];
  });
}

/** Makes files of every kind: WAL, tables, manifests, batch log, a bulk load's, and what a compaction leaves. */
async function useEverything(stores: Stores, check: () => void): Promise<void> {
  const db = await stores.open({ durability: "sync" });
  await db.batchPut(manyKeys(200).map((key) => [key, "batch"]));
  check();
  await db.flush();
  await db.bulkLoad(manyKeys(200, "load").map((key) => [key, "load"] as const));
  check();
  await db.put("one", 1);
  await db.compact();
  check();
  await db.close();
  check();
}

describe("Another user of the machine", function () {
  this.timeout(30_000);
  const stores = useStores();
  let umask: number | undefined;
  afterEach("set the umask back", () => {
    if (umask !== undefined) {
      process.umask(umask);
      umask = undefined;
    }
  });

  for (const [name, mask] of [
    ["the usual umask", 0o022],
    ["umask 000", 0o000],
  ] as const) {
    it(`finds folders of mode 0700 and files of mode 0600, with ${name}`, async () => {
      umask = process.umask(mask);
      let seen = 0;
      await useEverything(stores(), () => {
        for (const { name: at, mode, isFolder } of modesBelow(stores().folder)) {
          expect(mode.toString(8), at).to.equal(isFolder ? "700" : "600");
          seen += 1;
        }
      });
      expect(seen).to.be.above(40);
    });

    it(`cannot reach files or socket, with ${name}`, async () => {
      const { root, folder, runtimeFolder } = stores();
      umask = process.umask(mask);
      const db = await stores().open();
      await db.put("a", 1);
      // The way to both is open to all: what keeps strangers out has to be FastKV's own.
      fs.chmodSync(root, 0o755);
      fs.chmodSync(runtimeFolder, 0o755);
      const socketFolder = path.join(runtimeFolder, fs.readdirSync(runtimeFolder)[0]!);
      const socket = path.join(socketFolder, "s");
      expect(fs.statSync(socketFolder).mode & 0o777).to.equal(0o700);
      const says = encodeMessage(frameType.request, 0, { token: "0".repeat(64) }).toString("hex");
      const attempts: Attempt[] = [
        { does: "list", path: folder },
        { does: "create", path: path.join(folder, "planted") },
        { does: "read", path: path.join(folder, "FASTKV") },
        { does: "write", path: path.join(folder, "shard-000", "CURRENT") },
        { does: "list", path: socketFolder },
        { does: "create", path: path.join(socketFolder, "planted") },
        { does: "connect", path: socket, says },
      ];
      expect(await strangerTries(attempts)).to.deep.equal(attempts.map(() => "EACCES"));

      // The same attempts do succeed where they are allowed: and then the token is what keeps the stranger out.
      fs.chmodSync(socketFolder, 0o755);
      fs.chmodSync(socket, 0o777);
      expect(await strangerTries(attempts.slice(-3))).to.deep.equal(["done", "EACCES", "cut off"]);
      expect(await db.get("a")).to.equal(1);
      expect((await db.stats()).restarts).to.equal(0);
    });
  }

  it("cannot read what a repair sets aside", async () => {
    const { repair } = await import("../../coordinator/index.js");
    const { folder } = stores();
    umask = process.umask(0);
    const db = await stores().open();
    await db.batchPut(manyKeys(64).map((key) => [key, key]));
    await db.flush();
    await db.close();
    const shard = path.join(folder, "shard-000");
    const table = path.join(shard, fs.readdirSync(shard).find((name) => name.endsWith(".sst"))!);
    const bytes = fs.readFileSync(table);
    bytes[100]! ^= 1;
    fs.writeFileSync(table, bytes);
    const { lostFolder } = await repair(folder);
    expect(lostFolder).to.be.a("string");
    for (const { name, mode } of modesBelow(folder)) {
      expect(mode & everybody, name).to.equal(0);
    }
  });
});
