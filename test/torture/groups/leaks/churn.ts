/** The same keys written, read, deleted and cleared over and over; what is held must not grow with it. */

import fs from "node:fs";
import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { openHolds } from "./holds.js";
import type { Work, WorkPlace } from "./work.js";

const keyCount = 5000;
const atOnce = 256;

export async function churn({ store, root, runtimeFolder, meter, random }: WorkPlace): Promise<Work> {
  const folder = path.join(root, "database");
  const db: FastKV = await store.FastKV.open(folder, {
    runtimeFolder,
    execArgv: meter.shardArguments,
    maxMemtableSize: 1024 * 1024,
    levelOneSize: 1024 * 1024,
    readCacheSize: 256 * 1024,
    scanCacheSize: 256 * 1024,
    cacheSize: 256 * 1024,
  });
  const key = (): string => `key-${random.int(keyCount)}`;
  const value = (): string => "x".repeat(random.int(200));
  const actions: readonly [number, () => Promise<unknown>][] = [
    [0.4, () => db.put(key(), value())],
    [0.75, () => db.get(key())],
    [0.83, () => db.delete(key())],
    [0.88, () => db.put(key(), value(), { ttl: random.between(1, 2000) })],
    [0.93, () => db.getMany([key(), key(), key()])],
    [0.985, () => db.batchPut(Array.from({ length: 10 }, () => [key(), value()] as const))],
    [0.993, () => db.scan(`key-${random.int(100)}`, 50).toArray()],
    [0.997, () => db.count({ prefix: `key-${random.int(100)}` })],
    [0.9985, () => db.clear({ prefix: `key-${random.int(1000)}` })],
    [0.9995, async () => (await db.snapshot()).close()],
    [1, () => db.bulkLoad(Array.from({ length: 10 }, (_, at) => [`loaded-${at}`, value()] as const))],
  ];

  let underWay: Promise<unknown>[] = [];
  return {
    async operate() {
      const drawn = random.next32() / 2 ** 32;
      underWay.push(actions.find(([upTo]) => drawn < upTo)![1]());
      if (underWay.length === atOnce) {
        await Promise.all(underWay);
        underWay = [];
      }
    },
    async settle() {
      await Promise.all(underWay);
      underWay = [];
      await db.flush();
      await db.compact();
      const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
      return { ...(await openHolds(db)), files: files.length };
    },
    end: () => db.close(),
  };
}
