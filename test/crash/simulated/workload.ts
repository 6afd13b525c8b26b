/** A seeded workload on the whole store, noted in an oracle as it goes. */

import type { FastKV } from "../../../coordinator/fastkv.js";
import { FastKVError } from "../../../shared/errors.js";
import type { DurabilityMode } from "../../../shared/options.js";
import { bytes } from "../../model/operations.js";
import type { Random } from "../../support/random.js";
import type { SimulatedStore, SteppedClock } from "../../support/simulated-store.js";
import type { Change, Oracle, SentWrite } from "./oracle.js";

const keySpace = 60;
/** More keys in each of three shards than a clear makes plain deletes of. */
const wideKeys = 1_000;

/** What a workload has done; a run that did not touch what it is meant to touch proves nothing. */
export interface Touched {
  batchesOverAllShards: number;
  loads: number;
  clears: number;
}

export class Workload {
  readonly touched: Touched = { batchesOverAllShards: 0, loads: 0, clears: 0 };
  readonly #store: SimulatedStore;
  readonly #db: FastKV;
  readonly #oracle: Oracle;
  readonly #clock: SteppedClock;
  readonly #random: Random;
  /** The machine is down: nobody hears what comes afterwards. */
  readonly #isOver: () => boolean;
  /** Whether there are so many keys that a clear becomes a range delete. */
  readonly #isWide: boolean;
  #pending: Promise<void>[] = [];

  constructor(
    store: SimulatedStore,
    oracle: Oracle,
    clock: SteppedClock,
    random: Random,
    isOver: () => boolean,
  ) {
    this.#store = store;
    this.#db = store.db;
    this.#oracle = oracle;
    this.#clock = clock;
    this.#random = random;
    this.#isOver = isOver;
    this.#isWide = random.chance(0.2);
  }

  /** Never rejects because of the crash: what was pending then stays so in the oracle. */
  async run(steps: number): Promise<void> {
    if (this.#isWide) {
      await this.#bulkLoad(this.#wideChanges());
    }
    const killAt = this.#random.int(steps);
    for (let step = 0; step < steps && !this.#isOver(); step++) {
      if (step === killAt) {
        // Surely once: no other step has a shard remove the files of the life before.
        this.#killShard();
      }
      await this.#step();
    }
    await Promise.all(this.#pending);
    if (this.#random.chance(0.7)) {
      await this.#db.close();
      if (!this.#isOver()) {
        this.#oracle.noteAllDurable();
      }
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const choice = random.int(100);
    if (choice < 45) {
      this.#putOrDelete();
    } else if (choice < 62) {
      this.#batch();
    } else if (choice < 67) {
      this.#clear();
    } else if (choice < 73) {
      await this.#bulkLoad(this.#loadChanges());
    } else if (choice < 80) {
      await this.#durableAfter(this.#db.flush());
    } else if (choice < 84) {
      await this.#durableAfter(this.#db.compact());
    } else if (choice < 90) {
      this.#clock.nowMs += random.pick([1, 50, 400]);
    } else if (choice < 92) {
      this.#killShard();
    } else {
      await Promise.all(this.#pending);
      this.#pending = [];
    }
  }

  #killShard(): void {
    this.#store.launcher.kill(this.#random.int(this.#db.shardCount));
  }

  async #durableAfter(call: Promise<void>): Promise<void> {
    const sent = [...this.#oracle.writes];
    await call;
    if (!this.#isOver()) {
      for (const write of sent) {
        write.outcome = "sync";
      }
    }
  }

  #key(): string {
    return `k${String(this.#random.int(keySpace)).padStart(3, "0")}`;
  }

  /** No two writes have the same value, so that what is found says whose it is. */
  #value(): string {
    const length = this.#random.pick([0, 10, 300, 6000]);
    return `${this.#oracle.writes.length}:${this.#random.next32()}:`.padEnd(length, "v");
  }

  #put(key: string): { change: Change & { type: "put" }; ttl: number | undefined } {
    const ttl = this.#random.chance(0.15) ? this.#random.pick([100, 1000]) : undefined;
    const expiresAt = ttl === undefined ? 0 : this.#clock.nowMs + ttl;
    return { change: { type: "put", key, value: this.#value(), expiresAt }, ttl };
  }

  #putOrDelete(): void {
    const durability = this.#random.pick<DurabilityMode>(["none", "background", "background", "sync"]);
    const key = this.#key();
    if (this.#random.chance(0.2)) {
      const write = this.#oracle.send([{ type: "delete", key }], false);
      void this.#watch(write, durability, this.#db.delete(bytes(key), { durability }));
    } else {
      const { change, ttl } = this.#put(key);
      const write = this.#oracle.send([change], false);
      void this.#watch(write, durability, this.#db.put(bytes(key), bytes(change.value), { durability, ttl }));
    }
  }

  /** Touches every shard or one or two, always with a key of its own that is never overwritten or cleared. */
  #batch(): void {
    const random = this.#random;
    const durability = random.pick<DurabilityMode>(["none", "background", "sync"]);
    const count = random.pick([1, 3, 12]);
    const changes: Change[] = Array.from({ length: count }, (): Change => {
      const key = this.#key();
      return random.chance(0.2) ? { type: "delete", key } : { ...this.#put(key).change, expiresAt: 0 };
    });
    for (const shard of this.#oracle.shardsOf(changes)) {
      changes.push({ type: "put", key: this.#markerIn(shard), value: this.#value(), expiresAt: 0 });
    }
    if (this.#oracle.shardsOf(changes).size === this.#db.shardCount) {
      this.touched.batchesOverAllShards += 1;
    }
    const write = this.#oracle.send(changes, false);
    const called = this.#db.batch(
      changes.map((change) =>
        change.type === "put"
          ? { type: "put", key: bytes(change.key), value: bytes(change.value) }
          : { type: "del", key: bytes((change as { key: string }).key) },
      ),
      { durability },
    );
    void this.#watch(write, durability, called);
  }

  #markerIn(shard: number): string {
    for (let n = 0; ; n++) {
      const key = `~${this.#oracle.writes.length}-${n}`;
      if (this.#oracle.shardOf(key) === shard) {
        return key;
      }
    }
  }

  #clear(): void {
    this.touched.clears += 1;
    const [lower, last] = [this.#key(), this.#key()].sort() as [string, string];
    const upper = this.#isWide ? "x" : `${last}\0`;
    const durability = this.#random.pick<DurabilityMode>(["none", "background", "sync"]);
    const write = this.#oracle.send([{ type: "clear", lower, upper }], true);
    void this.#watch(
      write,
      durability,
      this.#db.clear({ gte: bytes(lower), lt: bytes(upper) }, { durability }),
    );
  }

  #loadChanges(): Change[] {
    return Array.from({ length: this.#random.pick([1, 20]) }, () => ({
      ...this.#put(this.#key()).change,
      expiresAt: 0,
    }));
  }

  #wideChanges(): Change[] {
    return Array.from({ length: wideKeys }, (_, at) => {
      const key = `w${String(at).padStart(4, "0")}`;
      return { type: "put", key, value: `wide ${at}`, expiresAt: 0 };
    });
  }

  async #bulkLoad(changes: Change[]): Promise<void> {
    await Promise.all(this.#pending);
    this.#pending = [];
    this.touched.loads += 1;
    for (let shard = 0; shard < this.#db.shardCount; shard++) {
      changes.push({ type: "put", key: this.#markerIn(shard), value: "load", expiresAt: 0 });
    }
    const write = this.#oracle.send(changes, true);
    const entries = changes.flatMap((one) =>
      one.type === "put" ? [[bytes(one.key), bytes(one.value)] as const] : [],
    );
    await this.#watch(write, "sync", this.#db.bulkLoad(entries), true);
  }

  #watch(
    write: SentWrite,
    durability: DurabilityMode,
    called: Promise<unknown>,
    isLoad = false,
  ): Promise<void> {
    const watched = called.then(
      () => {
        if (durability !== "none" && write.outcome === "pending" && !this.#isOver()) {
          write.outcome = durability;
        }
      },
      (error: unknown) => {
        if (this.#isOver()) {
          return;
        }
        // Only a bulk load may fail: where a shard dies under it. Then nothing of it may be there.
        if (!(error instanceof FastKVError && error.code === "FASTKV_SHARD_UNAVAILABLE" && isLoad)) {
          throw error;
        }
        write.changes = [];
      },
    );
    this.#pending.push(watched);
    return watched;
  }
}
