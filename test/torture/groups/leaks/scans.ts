/** Scans that are left half-way, in every way in which that can be done. */

import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { openHolds } from "./holds.js";
import type { Work, WorkPlace } from "./work.js";

const entries = 3000;
const atOnce = 8;

export async function scans({ store, root, runtimeFolder, meter, random }: WorkPlace): Promise<Work> {
  const db: FastKV = await store.FastKV.open(path.join(root, "database"), {
    runtimeFolder,
    execArgv: meter.shardArguments,
  });
  for (let at = 0; at < entries; at += 500) {
    const batch = Array.from({ length: 500 }, (_, place) => `key-${String(at + place).padStart(6, "0")}`);
    await db.batchPut(batch.map((key) => [key, { key, text: "x".repeat(60) }] as const));
  }
  await db.flush();
  /** One for all: who listens to it has to leave it. */
  const lasting = new AbortController().signal;
  const some = (): number => random.between(1, random.chance(0.05) ? 1000 : 30);

  const ways: (() => Promise<unknown>)[] = [
    async () => {
      let left = some();
      for await (const _ of db.scan({ signal: lasting, reverse: random.chance(0.5) })) {
        left -= 1;
        if (left === 0) {
          break;
        }
      }
    },
    async () => {
      const iterator = db.keys()[Symbol.asyncIterator]();
      for (let left = some(); left > 0; left -= 1) {
        await iterator.next();
      }
      await iterator.return?.();
    },
    // Left while the next entries are on their way.
    async () => {
      const iterator = db.values({ prefix: "key-" })[Symbol.asyncIterator]();
      void iterator.next();
      await iterator.return?.();
    },
    () => aborted(some()),
    () => aborted(0),
    async () => {
      const cursor = db.scan({ signal: lasting }).cursor();
      await cursor.read(some());
      cursor.seek("key-001000");
      void cursor.next().catch(() => undefined);
      await cursor.close();
    },
    // Forgotten: never read, read a little, or a cursor.
    async () => void db.scan(),
    async () => void (await db.scan()[Symbol.asyncIterator]().next()),
    async () => void (await db.scan().cursor().next()),
  ];

  async function aborted(after: number): Promise<void> {
    const controller = new AbortController();
    if (after === 0) {
      controller.abort();
    }
    try {
      let left = after;
      for await (const _ of db.scan({ signal: controller.signal })) {
        left -= 1;
        if (left === 0) {
          controller.abort();
        }
      }
    } catch (error) {
      if (error instanceof store.FastKVError && error.code === "FASTKV_ABORTED") {
        return;
      }
      throw error;
    }
    throw new Error("A scan that was aborted came to its end");
  }

  let underWay: Promise<unknown>[] = [];
  return {
    async operate() {
      underWay.push(random.pick(ways)());
      if (underWay.length === atOnce) {
        await Promise.all(underWay);
        underWay = [];
      }
    },
    async settle() {
      await Promise.all(underWay);
      underWay = [];
      return openHolds(db);
    },
    end: () => db.close(),
  };
}
