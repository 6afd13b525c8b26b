/** Real databases with real shard processes, in folders that vanish with the test. */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { OpenOptions } from "../../../coordinator/calls/options.js";
import { FastKV } from "../../../coordinator/fastkv.js";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";

export interface Stores {
  /** The folder of the test; the database is in `folder`, sockets are in `runtimeFolder`. */
  readonly root: string;
  readonly folder: string;
  readonly runtimeFolder: string;
  /** Opens a database that is closed after the test. */
  open<V = unknown>(options?: OpenOptions, name?: string): Promise<FastKV<V>>;
}

class TestStores implements Stores {
  readonly root = makeTemporaryFolder();
  readonly folder = path.join(this.root, "db");
  readonly runtimeFolder = path.join(this.root, "run");
  readonly opened: FastKV[] = [];

  constructor() {
    fs.mkdirSync(this.runtimeFolder);
  }

  async open<V = unknown>(options: OpenOptions = {}, name = "db"): Promise<FastKV<V>> {
    const { runtimeFolder } = this;
    const store = await FastKV.open<V>(path.join(this.root, name), { runtimeFolder, ...options });
    this.opened.push(store as FastKV);
    return store;
  }
}

/** Call it in a `describe` block: every test there has stores of its own. */
export function useStores(): () => Stores {
  let stores: TestStores | undefined;
  afterEach("close the databases and see that nothing is left", async () => {
    if (stores !== undefined) {
      const { opened, root, runtimeFolder } = stores;
      stores = undefined;
      await Promise.all(opened.map((store) => store.close()));
      const left = fs.readdirSync(runtimeFolder);
      removeTemporaryFolder(root);
      expect(left, "folders of sockets that are left").to.deep.equal([]);
    }
  });
  return () => {
    stores ??= new TestStores();
    return stores;
  };
}

/** Call it in a `describe` block: its tests share one database, which is emptied before each. */
export function useSharedStore<V = unknown>(options: OpenOptions = {}): () => FastKV<V> {
  let store: FastKV<V> | undefined;
  let root = "";
  before("open the shared database", async () => {
    root = makeTemporaryFolder();
    store = await FastKV.open<V>(path.join(root, "db"), options);
  });
  beforeEach("empty the shared database", async () => {
    await store!.clear();
  });
  after("close the shared database", async () => {
    await store?.close();
    removeTemporaryFolder(root);
  });
  return () => store!;
}

/** Whether a process runs. One that has ended, and that its new parent has not yet taken note of, does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return !stdout.trim().startsWith("Z");
}

/** The pids of a database's shards. */
export async function shardPids(store: FastKV): Promise<number[]> {
  return (await store.stats()).shards.map((shard) => shard.pid);
}

/** Awaits what no event tells; fails after `timeoutMs`. */
export async function eventually(what: string, isSo: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > deadline) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One key for each shard and more: key i is `name`-i. With 2 shards, 64 keys touch both for sure. */
export function manyKeys(count: number, name = "key"): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${String(index).padStart(5, "0")}`);
}
