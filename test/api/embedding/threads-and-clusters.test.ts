import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { FastKV } from "../../../coordinator/index.js";
import { rejection } from "../../support/errors.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { eventually, isRunning, useStores } from "../support/stores.js";
import { libraryUrl, runProgram } from "./support/programs.js";

describe("A database in a worker thread", () => {
  const stores = useStores();

  async function openInThread(): Promise<{ thread: Worker; shards: number[] }> {
    const { folder, runtimeFolder } = stores();
    const thread = new Worker(new URL("./support/thread.js", import.meta.url), {
      workerData: { folder, runtimeFolder },
    });
    const [shards] = (await once(thread, "message")) as [number[]];
    return { thread, shards };
  }

  it("works as in the main thread, and is open once in a process", async () => {
    const { thread, shards } = await openInThread();
    expect(shards.every(isRunning)).to.equal(true);
    const locked = await rejection(stores().open());
    expect(locked.code).to.equal("FASTKV_LOCKED");
    expect(locked.message).to.include(`in this process (pid ${process.pid})`);
    thread.postMessage("close");
    expect(await once(thread, "exit")).to.deep.equal([0]);
    expect(shards.filter(isRunning)).to.deep.equal([]);
    const db = await stores().open();
    expect(await db.get("thread")).to.deep.equal({ is: "here" });
  });

  it("leaves no shard behind when the thread is ended from outside", async () => {
    const { thread, shards } = await openInThread();
    await thread.terminate();
    await eventually("the shards leave", () => !shards.some(isRunning));
  });

  if (process.platform !== "linux") {
    it("stays locked until the process ends, where a thread cannot be told from another", async () => {
      const { thread } = await openInThread();
      await thread.terminate();
      expect((await rejection(stores().open())).code).to.equal("FASTKV_LOCKED");
    });
    return;
  }

  it("can be opened at once when the thread was ended from outside, with all that it had acknowledged", async () => {
    for (let round = 0; round < 3; round++) {
      const { thread, shards } = await openInThread();
      await thread.terminate();
      const db = await stores().open();
      expect(shards.filter(isRunning)).to.deep.equal([]);
      expect(await db.get("thread")).to.deep.equal({ is: "here" });
      await db.close();
    }
  });

  it("can be opened when the thread was ended in the midst of opening or closing it", async () => {
    const { folder, root } = stores();
    // The folder of sockets may have been made and not been written down yet: that one stays.
    const runtimeFolder = `${root}/run-of-threads`;
    mkdirSync(runtimeFolder);
    for (let delayMs = 20; delayMs <= 320; delayMs += 60) {
      const thread = new Worker(new URL("./support/thread.js", import.meta.url), {
        workerData: { folder, runtimeFolder },
      });
      thread.on("message", () => thread.postMessage("close"));
      await delay(delayMs);
      await thread.terminate();
      const db = await stores().open();
      await db.close();
    }
  });
});

describe("A database in the workers of a cluster", () => {
  const folder = useTemporaryFolder();

  it("opens in one of them; the others are told which process has it", async () => {
    const { stdout, stderr } = await runProgram(
      folder(),
      `import cluster from "node:cluster";
      import { once } from "node:events";
      import { FastKV } from ${JSON.stringify(libraryUrl)};
      if (cluster.isPrimary) {
        const first = cluster.fork();
        const [got] = await once(first, "message");
        const second = cluster.fork();
        const [refused] = await once(second, "message");
        console.log(JSON.stringify({ holder: first.process.pid, got, refused }));
        first.send("end");
        second.send("end");
      } else {
        const end = once(process, "message");
        const db = await FastKV.open("./db").catch(({ code, message }) => process.send({ code, message }) && undefined);
        if (db !== undefined) {
          await db.put("a", 1);
          process.send(await db.get("a"));
        }
        await end;
        await db?.close();
        process.disconnect();
      }`,
    );
    expect(stderr).to.equal("");
    const { holder, got, refused } = JSON.parse(stdout) as {
      holder: number;
      got: unknown;
      refused: { code: string; message: string };
    };
    expect(got).to.equal(1);
    expect(refused.code).to.equal("FASTKV_LOCKED");
    expect(refused.message).to.include(`process ${holder}`);
    const db = await FastKV.open(`${folder()}/db`);
    expect(await db.get("a")).to.equal(1);
    await db.close();
  });
});
