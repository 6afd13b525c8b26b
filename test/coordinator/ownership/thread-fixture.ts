/** A thread that opens a folder, or opens and closes it until it is terminated. */

import { parentPort, workerData } from "node:worker_threads";
import { acquireOwnership } from "../../../coordinator/ownership/owner-lock.js";
import { FastKVError } from "../../../shared/errors.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";

export interface ThreadTask {
  kind: "hold" | "contend";
  folder: string;
  /** 32-bit numbers; see `slot`. */
  shared: SharedArrayBuffer;
  /** Greater than 0. */
  name: number;
}

export const slot = {
  /** Who entered last. */
  inside: 0,
  /** How often somebody found another inside who had not left. */
  violations: 1,
} as const;

const insideRounds = 200;

async function contend({ folder, shared, name }: ThreadTask): Promise<never> {
  const fileSystem = new NodeFileSystem();
  const state = new Int32Array(shared);
  for (;;) {
    try {
      const ownership = await acquireOwnership(fileSystem, folder, { clock: Date.now });
      Atomics.store(state, slot.inside, name);
      for (let round = 0; round < insideRounds; round++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (Atomics.load(state, slot.inside) !== name) {
          Atomics.add(state, slot.violations, 1);
        }
      }
      parentPort!.postMessage("entered");
      ownership.release();
    } catch (error) {
      if (!(error instanceof FastKVError && error.code === "FASTKV_LOCKED")) {
        throw error;
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const task = workerData as ThreadTask | undefined;
if (task?.kind === "hold") {
  await acquireOwnership(new NodeFileSystem(), task.folder, { clock: Date.now });
  parentPort!.postMessage("held");
  parentPort!.ref();
  parentPort!.on("message", () => {});
} else if (task?.kind === "contend") {
  await contend(task);
}
