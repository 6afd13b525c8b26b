/** One case of a hang, in a process and, where it mounts something, a mount namespace of its own. */

import { writeSync } from "node:fs";
import type { Store } from "../../group.js";
import { pausedCoordinator, pausedShardWithoutCoordinator } from "./coordinator.js";
import { crashAtEveryStart, outOfMemory } from "./dying.js";
import { type HangName, type HangOrder, hangVariable } from "./order.js";
import { Scene } from "./scene.js";
import { frozenDisk, pausedShard } from "./stopped.js";

const cases: Record<HangName, (scene: Scene) => Promise<void>> = {
  "frozen disk": frozenDisk,
  "paused shard": pausedShard,
  "paused shard, coordinator killed": pausedShardWithoutCoordinator,
  "paused coordinator": pausedCoordinator,
  "out of memory": outOfMemory,
  "crash at every start": crashAtEveryStart,
};

const order = JSON.parse(process.env[hangVariable]!) as HangOrder;
const scene = new Scene(order, (await import(order.storeUrl)) as Store);
await cases[order.hang](scene);
writeSync(1, `${JSON.stringify(scene.counts)}\n`);
process.exit(0);
