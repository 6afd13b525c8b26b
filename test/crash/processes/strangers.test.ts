import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { expect } from "chai";
import { encodeMessage, frameType } from "../../../shared/wire/frame.js";
import { manyKeys, shardPids, useStores } from "../../api/support/stores.js";
import { rejection } from "../../support/errors.js";
import { killProgramsAfterwards, startProgram } from "./programs.js";

/** Says something on the socket; resolves when it was cut off. */
function cutOff(socketPath: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.write(bytes));
    const timer = setTimeout(() => reject(new Error("The stranger was not cut off")), 5000);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function lengthOnly(bytes: number): Buffer {
  const frame = Buffer.alloc(16, 1);
  frame.writeUInt32LE(bytes, 0);
  return frame;
}

describe("Strangers", function () {
  this.timeout(30_000);
  const stores = useStores();
  killProgramsAfterwards();

  it("on the socket get nothing, and disturb nobody", async () => {
    const db = await stores().open();
    const pids = await shardPids(db);
    const { runtimeFolder } = stores();
    const [folder] = fs.readdirSync(runtimeFolder);
    const socketPath = path.join(runtimeFolder, folder!, "s");
    expect(fs.statSync(path.join(runtimeFolder, folder!)).mode & 0o777).to.equal(0o700);
    const hello = (token: unknown): Buffer =>
      encodeMessage(frameType.request, 0, { token, shardIndex: 0, pid: process.pid });
    for (const bytes of [
      hello("0".repeat(64)),
      hello(""),
      hello(5),
      Buffer.concat([hello("x"), hello("x")]),
      encodeMessage(frameType.answers, 0, {}),
      lengthOnly(0),
      lengthOnly(7),
      lengthOnly(0xffff_ffff),
      lengthOnly(5000),
      Buffer.alloc(100_000, "garbage "),
    ]) {
      await cutOff(socketPath, bytes);
    }
    const silent = net.connect(socketPath);
    await new Promise((resolve) => silent.on("connect", resolve));
    const ended = new Promise((resolve) => silent.on("close", resolve));
    silent.on("error", () => undefined);
    await db.batchPut(manyKeys(100).map((key) => [key, key]));
    expect(await db.count()).to.equal(100);
    expect(await shardPids(db)).to.deep.equal(pids);
    expect((await db.stats()).restarts).to.equal(0);
    await db.close();
    await ended;
  });

  it("cannot open what another process has open", async () => {
    const program = startProgram("idle", stores());
    await program.said("ready");
    const error = await rejection(stores().open());
    expect(error.code).to.equal("FASTKV_LOCKED");
    expect(error.message).to.include(String(program.child.pid));
    program.child.kill("SIGTERM");
    await program.ended;
    const db = await stores().open();
    expect(await db.get("rounds")).to.equal(1);
  });
});
