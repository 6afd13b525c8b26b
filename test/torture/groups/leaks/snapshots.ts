/** Snapshots that are closed, or forgotten, read or not, while the keys below them change. */

import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { Snapshot } from "../../../../coordinator/snapshot/snapshot.js";
import { openHolds } from "./holds.js";
import type { Work, WorkPlace } from "./work.js";

const keys = Array.from({ length: 200 }, (_, at) => `key-${at}`);
const mostOpen = 300;
const forgotten = 0.1;

export async function snapshots({ store, root, runtimeFolder, meter, random }: WorkPlace): Promise<Work> {
  const db: FastKV = await store.FastKV.open(path.join(root, "database"), {
    runtimeFolder,
    execArgv: meter.shardArguments,
  });
  await db.batchPut(keys.map((key) => [key, 0] as const));
  let open: Snapshot[] = [];

  async function leave(snapshot: Snapshot): Promise<void> {
    if (random.chance(0.3)) {
      await snapshot.getMany([random.pick(keys), random.pick(keys)]);
    }
    if (random.chance(0.1)) {
      await snapshot.scan()[Symbol.asyncIterator]().next();
    }
    if (!random.chance(forgotten)) {
      await snapshot.close();
    }
  }

  return {
    async operate() {
      open.push(await db.snapshot());
      await db.put(random.pick(keys), random.next32());
      if (open.length === mostOpen) {
        const left = random.shuffle(open);
        open = [];
        for (const snapshot of left) {
          await leave(snapshot);
        }
      }
    },
    async settle() {
      const left = open;
      open = [];
      for (const snapshot of left) {
        await leave(snapshot);
      }
      left.length = 0;
      await db.flush();
      await db.compact();
      return openHolds(db);
    },
    end: () => db.close(),
  };
}
