import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { isOwnerName } from "../../../coordinator/ownership/owner-files.js";
import { acquireOwnership } from "../../../coordinator/ownership/owner-lock.js";
import {
  decodeOwnerRecord,
  encodeOwnerRecord,
  type OwnerRecord,
} from "../../../coordinator/ownership/owner-record.js";
import { currentProcess, identityOf, isAlive } from "../../../coordinator/ownership/process-identity.js";
import { FastKVError } from "../../../shared/errors.js";
import type { FileHandle } from "../../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";

const files = new NodeFileSystem();
const options = { clock: () => 1000 };

const nobody = { pid: 2 ** 22 + 1, startTime: "1", bootId: currentProcess().bootId };
const dead: OwnerRecord = { epoch: 1, holder: nobody, runtimeFolder: null, shards: [], timeMs: 0 };

function ioError(code: string, kind: "FASTKV_IO" | "FASTKV_NO_SPACE" = "FASTKV_IO"): FastKVError {
  return new FastKVError(kind, `injected ${code}`, { cause: Object.assign(new Error(code), { code }) });
}

describe("owner lock", () => {
  const temporaryFolder = useTemporaryFolder();
  const children: ChildProcess[] = [];

  function sleeper(): ChildProcess {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    children.push(child);
    return child;
  }

  function plant(record: OwnerRecord): string {
    const file = path.join(temporaryFolder(), `OWNER-${String(record.epoch).padStart(10, "0")}`);
    fs.writeFileSync(file, encodeOwnerRecord(record));
    return file;
  }

  function read(epoch: number): OwnerRecord {
    const file = path.join(temporaryFolder(), `OWNER-${String(epoch).padStart(10, "0")}`);
    return decodeOwnerRecord(fs.readFileSync(file), file, epoch);
  }

  afterEach("kill the sleepers", () => {
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
    }
  });

  it("writes who holds the folder, privately", async () => {
    const ownership = await acquireOwnership(files, temporaryFolder(), options);
    expect(ownership.epoch).to.equal(1);
    expect(ownership.previousTimeMs).to.equal(0);
    expect(read(1)).to.deep.equal({
      epoch: 1,
      holder: currentProcess(),
      runtimeFolder: null,
      shards: [],
      timeMs: 1000,
    });
    expect(fs.readdirSync(temporaryFolder())).to.deep.equal(["OWNER-0000000001"]);
    expect(fs.statSync(path.join(temporaryFolder(), "OWNER-0000000001")).mode & 0o777).to.equal(0o600);
  });

  it("refuses a second opening in the same process", async () => {
    const first = await acquireOwnership(files, temporaryFolder(), options);
    const error = await expectError("FASTKV_LOCKED", () =>
      acquireOwnership(files, temporaryFolder(), options),
    );
    expect(error.message).to.match(
      /already open in this process .*, or still being closed\. Await its close\(\)/,
    );
    expect(error.message).to.include(String(process.pid));
    first.release();
    expect((await acquireOwnership(files, temporaryFolder(), options)).epoch).to.equal(2);
  });

  it("lets one of several calls in one turn win", async () => {
    const calls = Array.from({ length: 5 }, () => acquireOwnership(files, temporaryFolder(), options));
    const results = await Promise.allSettled(calls);
    expect(results.filter((result) => result.status === "fulfilled")).to.have.length(1);
  });

  it("sees the folder's holder through another path to it", async () => {
    const real = path.join(temporaryFolder(), "real");
    fs.mkdirSync(real);
    fs.symlinkSync(real, path.join(temporaryFolder(), "alias"));
    await acquireOwnership(files, real, options);
    const alias = path.join(temporaryFolder(), "alias");
    await expectError("FASTKV_LOCKED", () => acquireOwnership(files, alias, options));
  });

  it("names the pid of a living holder", async () => {
    const child = sleeper();
    plant({ ...dead, holder: identityOf(child.pid!)! });
    const error = await expectError("FASTKV_LOCKED", () =>
      acquireOwnership(files, temporaryFolder(), options),
    );
    expect(error.message).to.include(`process ${child.pid}`);
  });

  it("counts epochs up and keeps the highest file only", async () => {
    for (let epoch = 1; epoch <= 12; epoch += 1) {
      const ownership = await acquireOwnership(files, temporaryFolder(), options);
      expect(ownership.epoch).to.equal(epoch);
      const names = fs.readdirSync(temporaryFolder());
      expect(names).to.deep.equal([`OWNER-${String(epoch).padStart(10, "0")}`]);
      ownership.release();
    }
  });

  it("hands the highest recorded time on, and never records an earlier one", async () => {
    const first = await acquireOwnership(files, temporaryFolder(), { clock: () => 5000 });
    first.release(9000);
    first.release(1);
    const second = await acquireOwnership(files, temporaryFolder(), { clock: () => 100 });
    expect(second.previousTimeMs).to.equal(9000);
    expect(read(2).timeMs).to.equal(9000);
    second.release(50);
    expect(read(2).timeMs).to.equal(9000);
  });

  it("leaves a released file without a holder, however often it is released", async () => {
    const ownership = await acquireOwnership(files, temporaryFolder(), options);
    ownership.recordShards([nobody], "/tmp/fastkv-abcdefgh");
    ownership.release(2000);
    ownership.release(3000);
    expect(read(1)).to.deep.equal({ epoch: 1, holder: null, runtimeFolder: null, shards: [], timeMs: 2000 });
  });

  describe("taking over from the dead", () => {
    it("succeeds when the holder's pid now belongs to another process, and leaves that one alone", async () => {
      const reused = { ...identityOf(sleeper().pid!)!, startTime: "1" };
      plant({ ...dead, holder: reused, shards: [reused] });
      expect((await acquireOwnership(files, temporaryFolder(), options)).epoch).to.equal(2);
      expect(identityOf(reused.pid)).to.not.equal(undefined);
    });

    it("succeeds after a restart of the machine, and kills nobody", async () => {
      const identity = identityOf(sleeper().pid!)!;
      const earlier = { ...identity, bootId: "an earlier boot" };
      plant({ ...dead, holder: earlier, shards: [earlier] });
      await acquireOwnership(files, temporaryFolder(), options);
      expect(isAlive(identity)).to.equal(true);
    });

    it("kills the recorded shards, stopped ones too, of all epochs that are left", async () => {
      const shards = [sleeper(), sleeper(), sleeper()].map((child) => identityOf(child.pid!)!);
      process.kill(shards[1]!.pid, "SIGSTOP");
      plant({ ...dead, epoch: 4, shards: shards.slice(0, 2) });
      plant({ ...dead, epoch: 5, shards: shards.slice(2) });
      plant({ ...dead, epoch: 6 });
      expect((await acquireOwnership(files, temporaryFolder(), options)).epoch).to.equal(7);
      expect(shards.map((shard) => isAlive(shard))).to.deep.equal([false, false, false]);
      expect(fs.readdirSync(temporaryFolder())).to.deep.equal(["OWNER-0000000007"]);
    });

    it("removes its runtime folder, but nothing that is no runtime folder", async () => {
      const base = temporaryFolder();
      const runtime = path.join(base, "fastkv-abcdefgh");
      fs.mkdirSync(runtime);
      fs.writeFileSync(path.join(runtime, "s"), "");
      const elsewhere = path.join(base, "sub", "fastkv-abcdefgh");
      fs.mkdirSync(elsewhere, { recursive: true });
      plant({ ...dead, epoch: 1, runtimeFolder: runtime });
      plant({ ...dead, epoch: 2, runtimeFolder: elsewhere });
      plant({ ...dead, epoch: 3, runtimeFolder: base });
      await acquireOwnership(files, base, { ...options, runtimeParent: base });
      expect(fs.existsSync(runtime)).to.equal(false);
      expect(fs.existsSync(elsewhere)).to.equal(true);
    });

    it("sweeps what dead claimants left", async () => {
      const names = ["OWNER-0000000003.77-00ff00ff.tmp", "OWNER-0000000001.tmp"];
      for (const name of names) {
        fs.writeFileSync(path.join(temporaryFolder(), name), "half");
      }
      fs.writeFileSync(path.join(temporaryFolder(), "OWNER-1.mine"), "");
      expect([...names, "OWNER-1.mine"].map(isOwnerName)).to.deep.equal([true, true, false]);
      await acquireOwnership(files, temporaryFolder(), options);
      expect(fs.readdirSync(temporaryFolder())).to.deep.equal(["OWNER-0000000001", "OWNER-1.mine"]);
    });
  });

  describe("damaged files", () => {
    for (const [what, damage] of [
      ["empty", () => Buffer.alloc(0)],
      ["torn", (bytes: Buffer) => bytes.subarray(0, 40)],
      ["changed", (bytes: Buffer) => Buffer.from(bytes.toString().replace('"epoch":1', '"epoch":2'))],
      ["huge", () => Buffer.alloc(300 * 1024, 0x20)],
    ] as const) {
      it(`refuses an owner file that is ${what}, naming it and the way out`, async () => {
        const file = plant(dead);
        fs.writeFileSync(file, damage(fs.readFileSync(file)));
        const error = await expectError("FASTKV_CORRUPTION", () =>
          acquireOwnership(files, temporaryFolder(), options),
        );
        expect(error.message).to.include(file).and.to.include("remove this file");
        fs.unlinkSync(file);
        await acquireOwnership(files, temporaryFolder(), options);
      });
    }

    it("refuses a symbolic link and a folder in an owner file's place", async () => {
      const target = plant({ ...dead, holder: null });
      const file = path.join(temporaryFolder(), "OWNER-0000000002");
      fs.symlinkSync(target, file);
      await expectError("FASTKV_CORRUPTION", () => acquireOwnership(files, temporaryFolder(), options));
      fs.unlinkSync(file);
      fs.mkdirSync(file);
      await expectError("FASTKV_CORRUPTION", () => acquireOwnership(files, temporaryFolder(), options));
      expect(fs.readdirSync(temporaryFolder())).to.have.length(2);
    });

    it("does not count beyond the last epoch", async () => {
      plant({ ...dead, epoch: 0xffff_ffff });
      await expectError("FASTKV_CORRUPTION", () => acquireOwnership(files, temporaryFolder(), options));
    });
  });

  describe("races", () => {
    /** Runs something between a claimant's look and its claim. */
    class InterruptedFileSystem extends NodeFileSystem {
      constructor(private readonly interruptions: (() => void)[]) {
        super();
      }
      override link(from: string, to: string): void {
        this.interruptions.shift()?.();
        super.link(from, to);
      }
    }

    it("withdraws a claim whose number others had used and left behind", async () => {
      const child = sleeper();
      const slow = new InterruptedFileSystem([
        () => plant({ ...dead, epoch: 3, holder: identityOf(child.pid!)! }),
      ]);
      const error = await expectError("FASTKV_LOCKED", () =>
        acquireOwnership(slow, temporaryFolder(), options),
      );
      expect(error.message).to.include(`process ${child.pid}`);
      expect(fs.readdirSync(temporaryFolder())).to.deep.equal(["OWNER-0000000003"]);
    });

    it("looks again when another took the number, and goes on when that one has let go", async () => {
      const released = { ...dead, holder: null };
      const slow = new InterruptedFileSystem([
        () => plant({ ...released, epoch: 1 }),
        () => plant({ ...released, epoch: 2 }),
      ]);
      expect((await acquireOwnership(slow, temporaryFolder(), options)).epoch).to.equal(3);
    });

    it("looks again when a winner swept its temporary file", async () => {
      const slow = new InterruptedFileSystem([
        () => {
          for (const name of fs.readdirSync(temporaryFolder())) {
            fs.unlinkSync(path.join(temporaryFolder(), name));
          }
        },
      ]);
      expect((await acquireOwnership(slow, temporaryFolder(), options)).epoch).to.equal(1);
    });

    it("gives up after a bounded number of attempts", async () => {
      const slow = new InterruptedFileSystem(
        Array.from({ length: 100 }, (_, at) => () => plant({ ...dead, holder: null, epoch: at + 1 })),
      );
      await expectError("FASTKV_LOCKED", () => acquireOwnership(slow, temporaryFolder(), options));
    });
  });

  describe("an owner whose file goes", () => {
    it("is told when it records shards, and releases in peace", async () => {
      for (const remove of [
        () => fs.unlinkSync(path.join(temporaryFolder(), "OWNER-0000000001")),
        () => plant({ ...dead, epoch: 2 }),
        () => fs.rmSync(temporaryFolder(), { recursive: true }),
      ]) {
        fs.rmSync(temporaryFolder(), { recursive: true, force: true });
        fs.mkdirSync(temporaryFolder());
        const ownership = await acquireOwnership(files, temporaryFolder(), options);
        remove();
        await expectError("FASTKV_LOCKED", () => ownership.recordShards([], null));
        await expectError("FASTKV_LOCKED", () => ownership.raiseEpoch(9));
        ownership.release();
        expect(fs.existsSync(path.join(temporaryFolder(), "OWNER-0000000001.tmp"))).to.equal(false);
      }
    });
  });

  it("moves on to a higher epoch and stays the owner", async () => {
    const ownership = await acquireOwnership(files, temporaryFolder(), options);
    ownership.recordShards([nobody], "/tmp/fastkv-abcdefgh");
    ownership.raiseEpoch(1);
    expect(ownership.epoch).to.equal(1);
    ownership.raiseEpoch(58);
    expect(ownership.epoch).to.equal(58);
    expect(fs.readdirSync(temporaryFolder())).to.deep.equal(["OWNER-0000000058"]);
    expect(read(58).shards).to.deep.equal([nobody]);
    await expectError("FASTKV_LOCKED", () => acquireOwnership(files, temporaryFolder(), options));
    ownership.release();
    expect((await acquireOwnership(files, temporaryFolder(), options)).epoch).to.equal(59);
  });

  describe("failing disks", () => {
    class FailingFileSystem extends NodeFileSystem {
      failure:
        | { call: "create" | "link" | "list" | "sync-folder"; error: FastKVError; after: number }
        | undefined;

      #check(call: string): void {
        const { failure } = this;
        if (failure?.call === call && failure.after-- === 0) {
          failure.after = 0;
          throw failure.error;
        }
      }
      override create(file: string): FileHandle {
        this.#check("create");
        return super.create(file);
      }
      override link(from: string, to: string): void {
        this.#check("link");
        super.link(from, to);
      }
      override list(folder: string): string[] {
        this.#check("list");
        return super.list(folder);
      }
      override syncFolder(folder: string): void {
        this.#check("sync-folder");
        super.syncFolder(folder);
      }
    }

    it("does not hold a folder that it failed to claim", async () => {
      for (const [call, after] of [
        ["create", 0],
        ["link", 0],
        ["list", 0],
        ["sync-folder", 0],
      ] as const) {
        const failing = new FailingFileSystem();
        failing.failure = { call, error: ioError("EIO"), after };
        await expectError("FASTKV_IO", () => acquireOwnership(failing, temporaryFolder(), options));
        failing.failure = undefined;
        (await acquireOwnership(failing, temporaryFolder(), options)).release();
      }
    });

    it("says that a file system without hard links will not do", async () => {
      const failing = new FailingFileSystem();
      failing.failure = { call: "link", error: ioError("EPERM"), after: 0 };
      const error = await expectError("FASTKV_IO", () =>
        acquireOwnership(failing, temporaryFolder(), options),
      );
      expect(error.message).to.include("hard links");
      expect(fs.readdirSync(temporaryFolder())).to.deep.equal([]);
    });

    it("releases on a full disk", async () => {
      const failing = new FailingFileSystem();
      const ownership = await acquireOwnership(failing, temporaryFolder(), options);
      ownership.recordShards([nobody], os.tmpdir());
      failing.failure = { call: "create", error: ioError("ENOSPC", "FASTKV_NO_SPACE"), after: 0 };
      await expectError("FASTKV_NO_SPACE", () => ownership.recordShards([], null));
      ownership.release(7777);
      expect(read(1)).to.deep.equal({
        epoch: 1,
        holder: null,
        runtimeFolder: null,
        shards: [],
        timeMs: 7777,
      });
      failing.failure = undefined;
      expect((await acquireOwnership(failing, temporaryFolder(), options)).epoch).to.equal(2);
    });
  });
});
