import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { acquireOwnership } from "../../../coordinator/ownership/owner-lock.js";
import { isAlive } from "../../../coordinator/ownership/process-identity.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";
import { useOwnerProcesses } from "./owner-process.js";

const files = new NodeFileSystem();
const options = { clock: Date.now };
/** The user "nobody", wherever there is one. */
const powerlessUserId = 65534;

describe("owners in several processes", () => {
  const temporaryFolder = useTemporaryFolder();
  const startProcess = useOwnerProcesses();

  it("lets exactly one of eight win, over and over", async () => {
    const folder = temporaryFolder();
    const racers = Array.from({ length: 8 }, () => startProcess());
    let lastEpoch = 0;
    for (let round = 0; round < 10; round += 1) {
      const atTimeMs = Date.now() + (round === 0 ? 1000 : 50);
      const answers = await Promise.all(
        racers.map((racer) => racer.ask({ kind: "acquire", folder, atTimeMs })),
      );
      const winners = answers.filter((answer) => answer.epoch !== undefined);
      expect(winners, JSON.stringify(answers)).to.have.length(1);
      expect(winners[0]!.epoch).to.be.greaterThan(lastEpoch);
      lastEpoch = winners[0]!.epoch!;
      const winner = answers.indexOf(winners[0]!);
      for (const answer of answers.filter((each) => each.epoch === undefined)) {
        expect(answer.code).to.equal("FASTKV_LOCKED");
        expect(answer.message).to.include(`process ${racers[winner]!.pid}`);
      }
      if (round % 2 === 0) {
        await racers[winner]!.ask({ kind: "release", folder });
      } else {
        await racers[winner]!.kill();
        racers[winner] = startProcess();
      }
    }
    expect(fs.readdirSync(folder)).to.deep.equal([`OWNER-${String(lastEpoch).padStart(10, "0")}`]);
  });

  it("never has two inside, however often four open and close", async () => {
    const folder = path.join(temporaryFolder(), "db");
    fs.mkdirSync(folder);
    const racers = Array.from({ length: 4 }, () => startProcess());
    const answers = await Promise.all(
      racers.map((racer) => racer.ask({ kind: "contend", folder, rounds: 60 })),
    );
    for (const answer of answers) {
      expect(answer.message).to.equal(undefined);
    }
    expect(Math.max(...answers.map((answer) => answer.epoch!))).to.equal(4 * 60);
    expect(fs.readdirSync(folder)).to.deep.equal(["OWNER-0000000240"]);
  });

  for (const isStopped of [false, true]) {
    it(`takes over within a second from a killed holder with a ${isStopped ? "stopped" : "running"} shard`, async () => {
      const folder = temporaryFolder();
      const holder = startProcess();
      await holder.ask({ kind: "acquire", folder });
      const { shard, runtimeFolder } = await holder.ask({ kind: "start-shard", folder });
      await expectError("FASTKV_LOCKED", () => acquireOwnership(files, folder, options));
      if (isStopped) {
        process.kill(shard!.pid, "SIGSTOP");
      }
      await holder.kill();
      expect(isAlive(shard!)).to.equal(true);
      expect(fs.existsSync(runtimeFolder!)).to.equal(true);

      const startMs = performance.now();
      const ownership = await acquireOwnership(files, folder, options);
      expect(performance.now() - startMs).to.be.lessThan(1000);
      expect(ownership.epoch).to.equal(2);
      expect(isAlive(shard!)).to.equal(false);
      expect(fs.existsSync(runtimeFolder!)).to.equal(false);
      expect(fs.readdirSync(folder)).to.deep.equal(["OWNER-0000000002"]);
    });
  }

  it("keeps the folder for a holder that is merely stopped", async () => {
    const folder = temporaryFolder();
    const holder = startProcess();
    await holder.ask({ kind: "acquire", folder });
    process.kill(holder.pid, "SIGSTOP");
    await expectError("FASTKV_LOCKED", () => acquireOwnership(files, folder, options));
    process.kill(holder.pid, "SIGCONT");
    await holder.ask({ kind: "release", folder });
    expect((await acquireOwnership(files, folder, options)).epoch).to.equal(2);
  });

  it("says that a folder or its parent may not be written to", async () => {
    const folder = temporaryFolder();
    const isRoot = process.getuid?.() === 0;
    fs.chmodSync(folder, isRoot ? 0o755 : 0o500);
    const powerless = startProcess(isRoot ? powerlessUserId : undefined);
    for (const answer of [
      await powerless.ask({ kind: "acquire", folder }),
      await powerless.ask({ kind: "prepare", folder: path.join(folder, "db") }),
    ]) {
      expect(answer).to.include({ code: "FASTKV_IO", causeCode: "EACCES" });
      expect(answer.message).to.include(folder);
    }
    fs.chmodSync(folder, 0o700);
  });
});
