/** A process that opens folders on its parent's word. Started by owner-process.ts. */

import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { prepareFolder } from "../../../coordinator/ownership/database-folder.js";
import { acquireOwnership } from "../../../coordinator/ownership/owner-lock.js";
import type { Ownership } from "../../../coordinator/ownership/ownership.js";
import { identityOf } from "../../../coordinator/ownership/process-identity.js";
import { createRuntimeFolder } from "../../../coordinator/ownership/runtime-folder.js";
import { FastKVError } from "../../../shared/errors.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import type { Answer, Command } from "./owner-process.js";

const fileSystem = new NodeFileSystem();
let owned: Ownership | undefined;

async function waitUntil(timeMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, timeMs - Date.now() - 5)));
  while (Date.now() < timeMs) {
    // Timers are too coarse for a race.
  }
}

async function spawnSleeper(): Promise<ChildProcess> {
  const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => sleeper.stdout.once("data", resolve));
  return sleeper;
}

/** Opens and closes again and again; the marker would exist already if another process were inside as well. */
async function contend(folder: string, rounds: number): Promise<Answer> {
  const marker = path.join(folder, "../inside");
  let lastEpoch = 0;
  for (let won = 0; won < rounds; ) {
    let ownership: Ownership;
    try {
      ownership = await acquireOwnership(fileSystem, folder, { clock: Date.now });
    } catch (error) {
      if (error instanceof FastKVError && error.code === "FASTKV_LOCKED") {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      throw error;
    }
    try {
      fs.writeFileSync(marker, "", { flag: "wx" });
      fs.unlinkSync(marker);
      if (ownership.epoch <= lastEpoch) {
        throw new Error(`epoch ${ownership.epoch} came after ${lastEpoch}`);
      }
    } finally {
      ownership.release();
    }
    lastEpoch = ownership.epoch;
    won += 1;
  }
  return { epoch: lastEpoch };
}

async function perform(command: Command): Promise<Answer> {
  const { folder } = command;
  switch (command.kind) {
    case "prepare":
      return { state: prepareFolder(fileSystem, folder, { createIfMissing: true }) };
    case "acquire":
      await waitUntil(command.atTimeMs ?? 0);
      owned = await acquireOwnership(fileSystem, folder, { clock: Date.now });
      return { epoch: owned.epoch };
    case "release":
      owned?.release();
      return {};
    case "start-shard": {
      const runtimeFolder = createRuntimeFolder(fileSystem).folder;
      const shard = identityOf((await spawnSleeper()).pid!)!;
      owned!.recordShards([shard], runtimeFolder);
      return { shard, runtimeFolder };
    }
    case "contend":
      return contend(folder, command.rounds);
  }
}

process.on("message", (command: Command) => {
  perform(command).then(
    (answer) => process.send!(answer),
    (error: unknown) => {
      const code = error instanceof FastKVError ? error.code : "?";
      const cause =
        error instanceof FastKVError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
      const message = error instanceof Error ? error.message : String(error);
      process.send!({ code, message, ...(cause?.code === undefined ? {} : { causeCode: cause.code }) });
    },
  );
});
process.on("disconnect", () => process.exit());
