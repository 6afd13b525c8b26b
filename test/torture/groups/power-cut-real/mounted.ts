/** Power cuts of a real file system, under real processes. */

import path from "node:path";
import { Promised } from "../../../crash/processes/strikes/promised.js";
import type { Random } from "../../../support/random.js";
import type { Store, TortureContext } from "../../group.js";
import { Life } from "../../life/life.js";
import { type FileSystemKind, LoopDisk } from "./loop-disk.js";

/** A disk sees so many cuts before another one is made. */
const cutsOfDisk = 25;
/** What a sync may take on a busy machine, beyond the interval after which it starts. */
const syncTakesMs = 400;

/** The database on one disk, and the lives that end with its power. */
class CutDatabase {
  readonly #store: Store;
  readonly #root: string;
  readonly #random: Random;
  readonly #disk: LoopDisk;
  readonly #shards: number;
  readonly #syncIntervalMs: number;
  readonly #promised: Promised;
  readonly #lives: Life[] = [];

  constructor(store: Store, root: string, random: Random, disk: LoopDisk) {
    this.#store = store;
    this.#root = root;
    this.#random = random;
    this.#disk = disk;
    this.#shards = random.pick([2, 3]);
    this.#syncIntervalMs = random.pick([5, 100]);
    this.#promised = new Promised(this.#shards);
  }

  async live(): Promise<void> {
    const random = this.#random;
    const life = this.#begin();
    if (this.#lives.length > 1 && random.chance(0.2)) {
      await pause(random.int(300));
    } else {
      await life.opened(false);
      await life.rounds(random.between(1, 6));
      await pause(random.int(600));
    }
    const cutMs = performance.now();
    await this.#disk.cutPower();
    await life.kill("everything", true);
    life.listener.noteSyncedBefore(cutMs - this.#syncIntervalMs - syncTakesMs);
    await this.#disk.restore();
  }

  /** What the last cut left is looked at as well. */
  async finish(): Promise<void> {
    const report = await this.#store.verify(this.#folder);
    if (!report.isSound) {
      throw new Error(`verify found damage: ${JSON.stringify(report.findings.slice(0, 5))}`);
    }
    const life = this.#begin();
    await life.opened(false);
    await life.rounds(1);
    await life.look();
    await life.close();
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#lives.map((life) => life.destroy()));
  }

  get #folder(): string {
    return path.join(this.#disk.mountPoint, "database");
  }

  #begin(): Life {
    const life = new Life(
      {
        folder: this.#folder,
        runtimeFolder: this.#root,
        notes: path.join(this.#root, `life-${this.#lives.length + 1}`),
        seed: this.#random.next32(),
        shards: this.#shards,
        syncIntervalMs: this.#syncIntervalMs,
      },
      this.#promised,
    );
    this.#lives.push(life);
    return life;
  }
}

/** Gives the number of cuts. Throws `Unsupported` where the machine forbids them. */
export async function cutMounted(context: TortureContext, kind: FileSystemKind): Promise<number> {
  let cuts = 0;
  const isOver = (): boolean => performance.now() >= context.deadlineMs || cuts >= context.cases;
  while (!isOver()) {
    const root = context.folder();
    const disk = await LoopDisk.make(root, kind);
    const database = new CutDatabase(context.store, root, context.random.fork(), disk);
    try {
      for (let cut = 0; cut < cutsOfDisk && !isOver(); cut++) {
        await database.live();
        cuts += 1;
      }
      await database.finish();
    } catch (error) {
      if (error instanceof Error) {
        error.message += ` [cut ${cuts + 1} of ${kind}]`;
      }
      throw error;
    } finally {
      await database.destroy();
      await disk.remove();
    }
    context.progress(`${cuts} cuts of ${kind}`);
  }
  return cuts;
}

/** A moment by chance is the point: there is nothing to wait for. */
function pause(timeMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
