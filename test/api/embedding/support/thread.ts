/** Runs in a worker thread: opens a database, says which shards it has, and closes it when it is told to. */

import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { FastKV } from "../../../../coordinator/index.js";

const { folder, runtimeFolder } = workerData as { folder: string; runtimeFolder: string };

const db = await FastKV.open(folder, { runtimeFolder });
await db.put("thread", { is: "here" });
await db.flush();
parentPort!.postMessage((await db.stats()).shards.map((shard) => shard.pid));
await once(parentPort!, "message");
await db.close();
parentPort!.close();
