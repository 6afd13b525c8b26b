import { expect } from "chai";
import { type FileSystem, readWholeFile } from "../../shared/storage/file-system.js";
import { caught, causeCode, rejection } from "./errors.js";
import { itWithRandom, Random } from "./random.js";
import { SimulatedCrash, SimulatedFileSystem } from "./simulated-file-system.js";

function newDisk(random = new Random(1)): SimulatedFileSystem {
  return new SimulatedFileSystem({ random, folders: ["/d"] });
}

function put(disk: FileSystem, path: string, content: Uint8Array | string): void {
  const handle = disk.create(path);
  handle.write(Buffer.from(content), 0);
  handle.close();
}

function putDurably(disk: FileSystem, path: string, content: Uint8Array | string): void {
  const handle = disk.create(path);
  handle.write(Buffer.from(content), 0);
  handle.sync();
  handle.close();
  disk.syncFolder("/d");
}

/** The rarest outcome comes in about one of 300 crashes: in so many none is missing by chance. */
const outcomeRounds = 6000;

/** All that a crash may leave, each outcome once. */
function outcomes(random: Random, make: () => SimulatedFileSystem): Set<string> {
  const disk = make();
  const seen = new Set<string>();
  for (let round = 0; round < outcomeRounds; round += 1) {
    const after = disk.crash(random);
    const state = after.files().map((path) => `${path}=${after.contentOf(path).toString("latin1")}`);
    seen.add(state.join(" "));
  }
  return seen;
}

describe("test/support: the simulated disk", () => {
  describe("contents", () => {
    itWithRandom("keeps what was synced, whatever the crash", (random) => {
      const content = random.bytes(20_000);
      const disk = newDisk();
      putDurably(disk, "/d/a", content);
      expect(disk.unsynced()).to.deep.equal([]);
      for (const mode of ["any", "prefix", "dropAll", "keepAll"] as const) {
        expect(readWholeFile(disk.crash(random, mode), "/d/a").equals(content)).to.equal(true);
      }
    });

    itWithRandom("keeps any subset of unsynced pages, and shows zeros for the others", (random) => {
      const seen = outcomes(random, () => {
        const disk = new SimulatedFileSystem({ random, folders: ["/d"], pageBytes: 2, sectorBytes: 2 });
        putDurably(disk, "/d/a", "");
        const handle = disk.open("/d/a", "update");
        handle.write(Buffer.from("AABBCC"), 0);
        return disk;
      });
      const pages = ["AA", "\0\0"].flatMap((a) => ["BB", "\0\0"].map((b) => `/d/a=${a}${b}`));
      const all = pages.flatMap((two) => [`${two}CC`, `${two}\0\0`]);
      expect([...seen]).to.include.members(["/d/a=", "/d/a=AA", "/d/a=\0\0", ...pages, ...all]);
      expect(seen.size).to.equal(15);
    });

    itWithRandom("keeps any version of a page between two syncs, and tears at sectors only", (random) => {
      const seen = outcomes(random, () => {
        const disk = new SimulatedFileSystem({ random, folders: ["/d"], pageBytes: 4, sectorBytes: 2 });
        putDurably(disk, "/d/a", "0000");
        const handle = disk.open("/d/a", "update");
        handle.write(Buffer.from("1111"), 0);
        handle.write(Buffer.from("2222"), 0);
        return disk;
      });
      const halves = ["00", "11", "22"];
      const expected = halves.flatMap((first) => halves.map((second) => `/d/a=${first}${second}`));
      expect([...seen].sort()).to.deep.equal(expected);
    });

    itWithRandom("keeps any length that the file had", (random) => {
      const seen = outcomes(random, () => {
        const disk = newDisk();
        putDurably(disk, "/d/a", "abcdef");
        const handle = disk.open("/d/a", "update");
        handle.truncate(2);
        handle.write(Buffer.from("X"), 2);
        return disk;
      });
      expect(new Set([...seen].map((state) => state.length - "/d/a=".length))).to.deep.equal(
        new Set([6, 2, 3]),
      );
      expect([...seen]).to.include.members(["/d/a=abcdef", "/d/a=ab", "/d/a=abX"]);
    });

    itWithRandom("drops all, keeps all or keeps a prefix when told to", (random) => {
      const disk = newDisk();
      putDurably(disk, "/d/a", "0");
      const handle = disk.open("/d/a", "update");
      for (const digit of "123") {
        handle.write(Buffer.from(digit), 0);
      }
      put(disk, "/d/b", "b");
      expect(disk.unsynced()).to.deep.equal(["/d", "/d/a", "/d/b"]);
      expect(disk.crash(random, "dropAll").files()).to.deep.equal(["/d/a"]);
      expect(disk.crash(random, "dropAll").contentOf("/d/a").toString()).to.equal("0");
      const prefixes = new Set<string>();
      for (let round = 0; round < outcomeRounds; round += 1) {
        const after = disk.crash(random, "prefix");
        prefixes.add(
          after
            .files()
            .map((path) => after.contentOf(path).toString())
            .join("|"),
        );
      }
      expect([...prefixes].sort()).to.deep.equal(["0", "1", "2", "3", "3|", "3|b"]);
    });

    itWithRandom("survives a kill whole, though not yet synced", (random) => {
      const disk = newDisk();
      put(disk, "/d/a", "hello");
      disk.link("/d/a", "/d/b");
      const killed = disk.crash(random, "keepAll");
      expect(killed.contentOf("/d/a").toString()).to.equal("hello");
      expect(killed.unsynced()).to.deep.equal(["/d", "/d/a", "/d/b"]);
      expect(killed.crash(random, "dropAll").files()).to.deep.equal([]);
      const again = disk.crash(random, "keepAll");
      const handle = again.open("/d/b", "update");
      handle.sync();
      again.syncFolder("/d");
      expect(again.crash(random, "dropAll").contentOf("/d/a").toString()).to.equal("hello");
      expect(disk.contentOf("/d/a").toString(), "the old disk is untouched").to.equal("hello");
      expect(disk.unsynced()).to.deep.equal(["/d", "/d/a", "/d/b"]);
    });

    itWithRandom("shares nothing that can change between outcomes of a crash", (random) => {
      const disk = newDisk();
      putDurably(disk, "/d/a", "hello");
      const [one, two] = [disk.crash(random), disk.crash(random)];
      const handle = one.open("/d/a", "update");
      handle.write(Buffer.from("J"), 0);
      handle.sync();
      expect(two.contentOf("/d/a").toString()).to.equal("hello");
      expect(disk.contentOf("/d/a").toString()).to.equal("hello");
    });
  });

  describe("names", () => {
    itWithRandom("keeps each unsynced entry on its own, whatever of its contents", (random) => {
      const seen = outcomes(random, () => {
        const disk = newDisk();
        for (const name of ["a", "b"]) {
          put(disk, `/d/${name}`, name);
          const handle = disk.open(`/d/${name}`, "update");
          handle.sync();
        }
        return disk;
      });
      expect([...seen].sort()).to.deep.equal(["", "/d/a=a", "/d/a=a /d/b=b", "/d/b=b"]);
    });

    itWithRandom("never loses both files of a rename over one", (random) => {
      const seen = outcomes(random, () => {
        const disk = newDisk();
        putDurably(disk, "/d/a", "old");
        putDurably(disk, "/d/t", "new");
        disk.rename("/d/t", "/d/a");
        return disk;
      });
      expect([...seen].sort()).to.deep.equal(["/d/a=new", "/d/a=old /d/t=new"]);
    });

    itWithRandom("brings a file created and renamed as one or the other", (random) => {
      const seen = outcomes(random, () => {
        const disk = newDisk();
        disk.create("/d/t").close();
        disk.rename("/d/t", "/d/a");
        return disk;
      });
      expect([...seen].sort()).to.deep.equal(["", "/d/a=", "/d/t="]);
    });

    itWithRandom("may keep a removal without the link made before it", (random) => {
      const seen = outcomes(random, () => {
        const disk = newDisk();
        putDurably(disk, "/d/a", "x");
        disk.link("/d/a", "/d/b");
        disk.remove("/d/a");
        return disk;
      });
      expect([...seen].sort()).to.deep.equal(["", "/d/a=x", "/d/a=x /d/b=x", "/d/b=x"]);
    });

    it("loses a synced file in a folder whose own entry was not synced", () => {
      const disk = newDisk();
      disk.makeFolder("/d/inner");
      put(disk, "/d/inner/a", "x");
      disk.open("/d/inner/a", "read").sync();
      disk.syncFolder("/d/inner");
      expect(disk.crash(new Random(1), "dropAll").files()).to.deep.equal([]);
      const again = disk.crash(new Random(1), "keepAll");
      again.syncFolder("/d");
      expect(again.crash(new Random(1), "dropAll").files()).to.deep.equal(["/d/inner/a"]);
    });

    it("makes a move between folders durable with either folder", () => {
      for (const synced of ["/d/one", "/d/two"]) {
        const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/d", "/d/one", "/d/two"] });
        disk.install("/d/one/a", Buffer.from("x"));
        disk.rename("/d/one/a", "/d/two/a");
        disk.syncFolder(synced);
        expect(disk.crash(new Random(1), "dropAll").files()).to.deep.equal(["/d/two/a"]);
      }
    });
  });

  describe("planned crashes", () => {
    itWithRandom("strikes before, within or after the call, and then refuses every call", (random) => {
      const lengths = new Set<number>();
      // Each length comes in about one of 25 rounds: in 2,000 none is missing by chance.
      for (let round = 0; round < 2000; round += 1) {
        const disk = newDisk(random.fork());
        const handle = disk.create("/d/a");
        expect(disk.mutations).to.equal(1);
        disk.operationsUntilCrash = 2;
        handle.write(Buffer.from("01"), 0);
        expect(() => handle.write(Buffer.from("23456789"), 2)).to.throw(SimulatedCrash);
        expect(disk.hasCrashed).to.equal(true);
        for (const call of [() => handle.close(), () => disk.list("/d"), () => disk.create("/d/b")]) {
          expect(call).to.throw(SimulatedCrash);
        }
        lengths.add(disk.contentOf("/d/a").length);
      }
      expect(lengths).to.deep.equal(new Set([2, 3, 4, 5, 6, 7, 8, 9, 10]));
    });

    it("rejects async calls that are under way", async () => {
      const disk = newDisk();
      const handle = disk.create("/d/a");
      handle.write(Buffer.from("x"), 0);
      const pending = [
        handle.syncAsync(),
        handle.writeAsync(Buffer.from("y"), 1),
        disk.syncFolderAsync("/d"),
      ];
      const after = disk.crash(new Random(1), "keepAll");
      for (const result of await Promise.allSettled(pending)) {
        expect(result.status === "rejected" && result.reason instanceof SimulatedCrash).to.equal(true);
      }
      expect(after.contentOf("/d/a").toString()).to.equal("x");
      expect(after.unsynced()).to.deep.equal(["/d", "/d/a"]);
      expect(disk.unsynced()).to.deep.equal(["/d", "/d/a"]);
    });

    it("is no FastKVError, and tells what it struck", () => {
      const disk = newDisk();
      disk.operationsUntilCrash = 1;
      expect(() => disk.makeFolder("/d/inner")).to.throw(SimulatedCrash, "makeFolder /d/inner");
      expect(disk.trace()).to.contain("makeFolder /d/inner\n-- crash: ");
      expect(disk.crash().trace()).to.contain("-- crash: ");
    });
  });

  describe("syncs in the background", () => {
    it("take effect later, and only on what was written before the call", async () => {
      const disk = newDisk();
      const handle = disk.create("/d/a");
      disk.syncFolder("/d");
      handle.write(Buffer.from("before"), 0);
      const sync = handle.syncAsync();
      handle.write(Buffer.from("after"), 6);
      expect(disk.crash(new Random(1), "keepAll").unsynced()).to.deep.equal(["/d/a"]);
      await sync.catch(() => undefined);

      const again = newDisk();
      const second = again.create("/d/a");
      again.syncFolder("/d");
      second.write(Buffer.from("before"), 0);
      const running = second.syncAsync();
      second.write(Buffer.from("after"), 6);
      await running;
      expect(again.crash(new Random(1), "dropAll").contentOf("/d/a").toString()).to.equal("before");
    });
  });

  describe("errors on order", () => {
    it("fails the chosen call, the chosen number of times", () => {
      const disk = newDisk();
      const fault = disk.failNext({ operation: "create", path: /b$/, nth: 2, times: 2 }, "EMFILE");
      disk.create("/d/1b");
      disk.create("/d/1a");
      const error = caught(() => disk.create("/d/2b"));
      expect([error.code, causeCode(error)]).to.deep.equal(["FASTKV_IO", "EMFILE"]);
      expect(error.message).to.contain("ulimit");
      caught(() => disk.create("/d/3b"));
      disk.create("/d/4b");
      expect(fault.hits).to.equal(2);
      expect(disk.list("/d")).to.deep.equal(["1a", "1b", "4b"]);
    });

    it("fails reads, and calls picked by a function, with any error", () => {
      const disk = newDisk();
      put(disk, "/d/a", "x");
      const mine = new Error("mine");
      disk.failNext((call) => call.operation === "read" && call.position === 0, mine);
      expect(() => readWholeFile(disk, "/d/a")).to.throw(mine);
      disk.failNext({ operation: "rename", path: "/d/a" }, "EIO");
      expect(causeCode(caught(() => disk.rename("/d/a", "/d/b")))).to.equal("EIO");
    });

    it("writes a part before it says that there is no space", () => {
      const disk = newDisk();
      const handle = disk.create("/d/a");
      disk.failNext({ operation: "write", partBytes: 3 }, "ENOSPC");
      const error = caught(() => handle.write(Buffer.from("hello"), 0));
      expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_NO_SPACE", "not-applied"]);
      expect(disk.contentOf("/d/a").toString()).to.equal("hel");
    });

    it("runs out of space by the byte, and takes back what is removed", () => {
      const disk = newDisk();
      disk.setFreeBytes(10);
      const handle = disk.create("/d/a");
      handle.write(Buffer.alloc(6), 0);
      handle.write(Buffer.alloc(6), 0);
      expect(caught(() => handle.write(Buffer.from("123456"), 6)).code).to.equal("FASTKV_NO_SPACE");
      expect(handle.sizeBytes()).to.equal(10);
      handle.truncate(4);
      put(disk, "/d/b", "123456");
      caught(() => put(disk, "/d/c", "1"));
      disk.remove("/d/b");
      put(disk, "/d/e", "12345");
      disk.remove("/d/a");
      caught(() => put(disk, "/d/f", "12"));
      handle.close();
      put(disk, "/d/g", "1234");
      expect(caught(() => put(disk.crash(new Random(1), "keepAll"), "/d/h", "1")).code).to.equal(
        "FASTKV_NO_SPACE",
      );
    });

    it("never writes the pages of a failed sync, though a later sync succeeds", () => {
      const disk = new SimulatedFileSystem({
        random: new Random(1),
        folders: ["/d"],
        pageBytes: 4,
        sectorBytes: 2,
      });
      putDurably(disk, "/d/a", "00001111");
      const handle = disk.open("/d/a", "update");
      handle.write(Buffer.from("AAAABBBBCC"), 0);
      disk.failNext({ operation: "sync" }, "EIO");
      expect(causeCode(caught(() => handle.sync()))).to.equal("EIO");
      handle.sync();
      expect(disk.contentOf("/d/a").toString()).to.equal("AAAABBBBCC");
      expect(disk.unsynced()).to.deep.equal(["/d/a"]);
      const lost = (): string => disk.crash(new Random(1), "dropAll").contentOf("/d/a").toString("latin1");
      expect(lost()).to.equal("00001111\0\0");
    });

    it("writes a page of a failed sync once a later write has made it dirty again", () => {
      const disk = new SimulatedFileSystem({
        random: new Random(1),
        folders: ["/d"],
        pageBytes: 4,
        sectorBytes: 2,
      });
      putDurably(disk, "/d/a", "00001111");
      const handle = disk.open("/d/a", "update");
      handle.write(Buffer.from("AAAABBBB"), 0);
      disk.failNext({ operation: "sync" }, "EIO");
      caught(() => handle.sync());
      handle.write(Buffer.from("x"), 5);
      handle.sync();
      expect(disk.crash(new Random(1), "dropAll").contentOf("/d/a").toString()).to.equal("0000BxBB");
    });

    it("rejects a failing async sync", async () => {
      const disk = newDisk();
      const handle = disk.create("/d/a");
      disk.failNext({ operation: "sync" }, "EIO");
      expect(causeCode(await rejection(handle.syncAsync()))).to.equal("EIO");
    });
  });

  it("counts calls by kind and path", () => {
    const disk = newDisk();
    put(disk, "/d/a", "1");
    put(disk, "/d/b", "2");
    disk.rename("/d/b", "/d/a");
    expect(disk.count("create")).to.equal(2);
    expect(disk.count("write", "/d/a")).to.equal(1);
    expect(disk.count("rename", /a$/)).to.equal(1);
    expect(disk.counts()).to.deep.include({ operation: "create", path: "/d/b", count: 1 });
    expect(disk.trace().split("\n").at(-1)).to.equal("rename /d/b -> /d/a");
    expect(disk.trace()).to.contain("write /d/a 1 bytes at 0");
  });

  it("lets a test damage files", () => {
    const disk = newDisk();
    disk.install("/d/a", Buffer.from("hello"));
    disk.patch("/d/a", 1, Buffer.from("u"));
    expect(disk.crash(new Random(1), "dropAll").contentOf("/d/a").toString()).to.equal("hullo");
  });

  itWithRandom("agrees with a plain model of what was synced, over many random histories", (random) => {
    for (let round = 0; round < 150; round += 1) {
      const disk = new SimulatedFileSystem({
        random: random.fork(),
        folders: ["/d"],
        pageBytes: random.pick([8, 64]),
        sectorBytes: 4,
      });
      const handle = disk.create("/d/a");
      disk.syncFolder("/d");
      let current: Buffer = Buffer.alloc(0);
      let durable: Buffer = current;
      const versions: Buffer[] = [current];
      for (let step = random.int(20); step > 0; step -= 1) {
        const action = random.int(5);
        if (action === 0) {
          handle.sync();
          durable = current;
          versions.length = 0;
        } else if (action === 1) {
          const size = random.int(60);
          handle.truncate(size);
          current = Buffer.concat([
            current.subarray(0, size),
            Buffer.alloc(Math.max(0, size - current.length)),
          ]);
        } else {
          const at = random.int(60);
          const data = random.bytes(random.int(30) + 1);
          handle.write(data, at);
          const next = Buffer.alloc(Math.max(current.length, at + data.length));
          current.copy(next);
          data.copy(next, at);
          current = next;
        }
        versions.push(current);
      }
      expect(disk.contentOf("/d/a").equals(current)).to.equal(true);
      expect(disk.crash(random, "dropAll").contentOf("/d/a").equals(durable)).to.equal(true);
      const prefix = disk.crash(random, "prefix").contentOf("/d/a");
      expect(versions.some((version) => version.equals(prefix))).to.equal(true);
      const any = disk.crash(random, "any").contentOf("/d/a");
      for (const [at, byte] of any.entries()) {
        const possible = [durable, ...versions].some((version) => (version[at] ?? 0) === byte);
        expect(possible, `byte ${at}\n${disk.trace()}`).to.equal(true);
      }
    }
  });
});
