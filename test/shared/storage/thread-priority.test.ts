import { once } from "node:events";
import os from "node:os";
import { Worker } from "node:worker_threads";
import { expect } from "chai";

const module = new URL("../../../shared/storage/thread-priority.js", import.meta.url).href;

/** In a worker, its own priority and that of the process's first thread, before and after. */
const program = `
  import fs from "node:fs";
  import os from "node:os";
  import { parentPort } from "node:worker_threads";
  import { lowerThreadPriority } from ${JSON.stringify(module)};
  const id = Number(fs.readlinkSync("/proc/thread-self").split("/").at(-1));
  const before = os.getPriority(id);
  lowerThreadPriority(before + 3);
  parentPort.postMessage({ before, after: os.getPriority(id), ofProcess: os.getPriority(process.pid) });
`;

// Elsewhere threads have no priority of their own.
if (process.platform === "linux") {
  describe("The priority of a thread", () => {
    it("is lowered for the calling thread alone", async () => {
      const ofProcess = os.getPriority(process.pid);
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
      const [told] = (await once(worker, "message")) as [
        { before: number; after: number; ofProcess: number },
      ];
      expect(told).to.deep.equal({ before: ofProcess, after: ofProcess + 3, ofProcess });
      await worker.terminate();
    });
  });
}
