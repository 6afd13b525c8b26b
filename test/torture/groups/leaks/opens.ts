/** Databases that are opened and closed; with things left open, shards that were killed, and openings that are refused. */

import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { FastKVErrorCode, OpenOptions } from "../../../../coordinator/index.js";
import type { Work, WorkPlace } from "./work.js";

const killEvery = 20;
const refuseEvery = 5;

export function opens({ store, root, runtimeFolder, random }: WorkPlace): Work {
  let operations = 0;
  const folderOf = (shards: number): string => path.join(root, `database-${shards}`);
  const open = (folder: string, options: OpenOptions): Promise<FastKV> =>
    store.FastKV.open(folder, { runtimeFolder, ...options });

  async function mustFail(opening: Promise<FastKV>, code: FastKVErrorCode): Promise<void> {
    const failure = await opening.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(failure instanceof store.FastKVError) || failure.code !== code) {
      throw new Error(`Expected ${code}, got ${String(failure)}`, { cause: failure });
    }
  }

  async function refused(shards: number): Promise<void> {
    await mustFail(open(folderOf(shards), {}), "FASTKV_LOCKED");
    await mustFail(open(path.join(root, "none"), { createIfMissing: false }), "FASTKV_NOT_FOUND");
    const other = folderOf(shards === 1 ? 2 : 1);
    if (fs.existsSync(other)) {
      await mustFail(open(other, { shards: 7 }), "FASTKV_SHARD_MISMATCH");
    }
    // It is found out when the shards are already there.
    await mustFail(
      open(path.join(root, "refused"), { execArgv: ["--no-such-option"] }),
      "FASTKV_SHARD_UNAVAILABLE",
    );
  }

  async function use(db: FastKV): Promise<void> {
    const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`);
    await db.batchPut(keys.map((key) => [key, random.next32()] as const));
    await db.getMany(keys);
    // Both are left open: closing the database ends them.
    await db.snapshot();
    await db.scan()[Symbol.asyncIterator]().next();
    if (operations % killEvery === 0) {
      const { shards } = await db.stats();
      const restarted = once(db, "shard-restart");
      process.kill(shards[0]!.pid, "SIGKILL");
      await restarted;
    }
  }

  return {
    async operate() {
      operations += 1;
      const shards = 1 + (operations % 2);
      const db = await open(folderOf(shards), { shards });
      await use(db);
      if (operations % refuseEvery === 0) {
        await refused(shards);
      }
      await db.close();
    },
    async settle() {
      const owners = [1, 2].map((shards) =>
        fs.existsSync(folderOf(shards)) ? fs.readdirSync(folderOf(shards)).length : 0,
      );
      return { "files of the coordinator": owners[0]! + owners[1]! };
    },
    async end() {},
  };
}
