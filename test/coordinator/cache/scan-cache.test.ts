import { expect } from "chai";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { rounds } from "../../model/rounds.js";
import { SortedModel } from "../../model/sorted-model.js";
import { itWithRandom, type Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, type SimulatedStore, SteppedClock } from "../../support/simulated-store.js";
import { TurnCounter } from "../../support/turn-counter.js";

const keyCount = 80;
const ttls = [0, 0, 0, 3, 50];

function keyOf(random: Random): string {
  const number = random.int(keyCount);
  // Some are not ASCII, so that a string and its bytes differ.
  return `${number % 7 === 0 ? "ключ" : "key"}:${String(number).padStart(2, "0")}`;
}

function byteString(key: string): string {
  return Buffer.from(key).toString("latin1");
}

/** One store and its truth; every read is held against the truth at the moment of its call. */
class Bout {
  readonly #random: Random;
  readonly #store: SimulatedStore;
  readonly #clock: SteppedClock;
  readonly #model = new SortedModel();
  readonly #checks: Promise<void>[] = [];
  readonly #hasKills: boolean;
  #writes = 0;
  /** How often a shard dies. A load ends with its shard then, and a getMany is asked again, of a later moment. */
  #killsLeft: number;

  constructor(random: Random, store: SimulatedStore, clock: SteppedClock, kills: number) {
    this.#killsLeft = kills;
    this.#hasKills = kills > 0;
    this.#random = random;
    this.#store = store;
    this.#clock = clock;
  }

  get #db(): FastKV {
    return this.#store.db;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (!this.#hasKills && this.#random.chance(0.02)) {
        await this.#bulkLoad();
      }
      if (this.#random.chance(0.05)) {
        // What was called has left: point reads are judged by the time of their frame.
        await new Promise((resolve) => setImmediate(resolve));
        this.#clock.nowMs += this.#random.int(20);
      }
      const call = this.#step();
      if (this.#random.chance(0.4)) {
        await call;
      }
      if (this.#random.chance(0.2)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await Promise.all(this.#checks);
  }

  #step(): Promise<unknown> {
    const kind = this.#random.int(100);
    if (kind < 55) {
      return this.#scan();
    }
    if (kind < 63 && !this.#hasKills) {
      return this.#getMany();
    }
    if (kind < 77) {
      return this.#put();
    }
    if (kind < 82) {
      const key = keyOf(this.#random);
      this.#model.delete(byteString(key));
      return this.#track(this.#db.delete(key));
    }
    if (kind < 88) {
      return this.#batch();
    }
    if (kind < 90) {
      return this.#clear();
    }
    if (kind < 96) {
      return this.#track(this.#random.chance(0.5) ? this.#db.flush() : this.#db.compact());
    }
    if (this.#killsLeft > 0) {
      this.#killsLeft -= 1;
      this.#store.launcher.kill(this.#random.int(this.#db.shardCount));
    }
    return Promise.resolve();
  }

  #track<T>(call: Promise<T>): Promise<T> {
    this.#checks.push(call.then(() => undefined));
    return call;
  }

  #value(): string {
    this.#writes += 1;
    return `${this.#writes}`.padEnd(this.#random.int(120), "x");
  }

  #put(): Promise<void> {
    const key = keyOf(this.#random);
    const value = this.#value();
    const ttl = this.#random.pick(ttls);
    this.#model.put(byteString(key), value, ttl === 0 ? 0 : this.#clock.nowMs + ttl);
    const durability = this.#random.pick(["none", "background", "sync"] as const);
    const encoding = this.#random.pick(["json", "msgpack", "structured"] as const);
    return this.#track(this.#db.put(key, value, { durability, encoding, ...(ttl === 0 ? {} : { ttl }) }));
  }

  #batch(): Promise<void> {
    const entries = Array.from({ length: 5 }, () => [keyOf(this.#random), this.#value()] as const);
    for (const [key, value] of entries) {
      this.#model.put(byteString(key), value);
    }
    return this.#track(this.#db.batchPut(entries));
  }

  #clear(): Promise<void> {
    const [a, b] = [keyOf(this.#random), keyOf(this.#random)];
    this.#model.clear(byteString(a), byteString(b));
    return this.#track(this.#db.clear({ gte: a, lt: b }));
  }

  /** Takes effect when it completes, so nothing else is called meanwhile. */
  async #bulkLoad(): Promise<void> {
    await Promise.all(this.#checks);
    const entries = Array.from({ length: 20 }, () => [keyOf(this.#random), this.#value()] as const);
    const load = this.#db.bulkLoad(entries);
    const early = this.#scan();
    await load;
    await early;
    for (const [key, value] of entries) {
      this.#model.put(byteString(key), value);
    }
  }

  #getMany(): Promise<unknown> {
    const keys = Array.from({ length: this.#random.int(12) }, () => keyOf(this.#random));
    const expected = keys.map((key) => this.#model.get(byteString(key), this.#clock.nowMs)?.value);
    const found = this.#db.getMany(keys);
    return this.#track(found.then((values) => expect(values).to.deep.equal(expected)));
  }

  #scan(): Promise<void> {
    const random = this.#random;
    // Few different ranges, so that most were scanned before.
    const lower = random.pick(["", "key:", "key:2", "key:35", "ключ:"]);
    const upper = random.pick([null, null, "key:5", "key:41", "ключ:49"]);
    const reverse = random.chance(0.4);
    const limit = random.pick([1, 3, 10, 30, Number.POSITIVE_INFINITY]);
    const range = { gte: lower, ...(upper === null ? {} : { lt: upper }), reverse, limit };
    const bounds = [byteString(lower), upper === null ? null : byteString(upper)] as const;
    const expected = this.#model.scan(...bounds, this.#clock.nowMs, { reverse, limit });
    const form = random.int(5);
    if (form === 4) {
      return this.#leave(range);
    }
    if (form === 3) {
      return this.#track(this.#readTwice(range, expected));
    }
    return this.#track(
      this.#read(range, form).then((found) => {
        expect(found.map(told), JSON.stringify(range)).to.deep.equal(expected);
      }),
    );
  }

  async #read(range: object, form: number): Promise<[string, unknown][]> {
    const scan = this.#db.scan(range);
    if (form === 0) {
      return scan.toArray();
    }
    const pauseAfter = this.#random.int(20);
    const found: [string, unknown][] = [];
    for await (const entry of scan) {
      found.push(entry);
      if (form === 1 && found.length === pauseAfter) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return found;
  }

  /** Its pages are still on their way. */
  async #leave(range: object): Promise<void> {
    const iterator = this.#db.scan(range)[Symbol.asyncIterator]();
    const first = iterator.next();
    await iterator.return!();
    this.#checks.push(first.then(() => undefined));
  }

  /** Reads some, goes back to the first of these, and reads what is left of the limit: of the same moment. */
  async #readTwice(
    range: { limit: number; [name: string]: unknown },
    expected: [string, string][],
  ): Promise<void> {
    const cursor = this.#db.scan(range).cursor();
    const some = await cursor.read(5);
    expect(some.map(told), JSON.stringify(range)).to.deep.equal(expected.slice(0, 5));
    const first = some[0];
    if (first !== undefined) {
      cursor.seek(first[0]);
      const again = await cursor.read(Number.POSITIVE_INFINITY);
      expect(again.map(told), JSON.stringify(range)).to.deep.equal(
        expected.slice(0, range.limit - some.length),
      );
    }
    await cursor.close();
  }
}

function told([key, value]: [string, unknown]): [string, unknown] {
  return [byteString(key), value];
}

async function openSmall(random: Random, scanCacheSize: number): Promise<SimulatedStore> {
  const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
  const store = await openSimulated(disk, new SteppedClock(), { shards: 2, scanCacheSize, readCacheSize: 0 });
  const letters = [..."abcdefghij"];
  await store.db.batchPut(
    letters.flatMap((letter) => letters.map((other) => [`${letter}:${other}`, "x".repeat(100)] as const)),
  );
  return store;
}

async function hitsOf({ db }: SimulatedStore): Promise<number> {
  return (await db.stats()).scan_cache.hits;
}

describe("ScanCache", () => {
  itWithRandom("answers what was scanned before, and parts of it, and asks for the rest", async (random) => {
    const store = await openSmall(random, 1_000_000);
    const { db } = store;
    await db.scan({ gte: "b", lt: "e" }).toArray();
    expect(await hitsOf(store)).to.equal(0);
    expect(await db.scan("c:").toArray()).to.have.length(10);
    expect(await db.keys({ gte: "d:c", lt: "d:f" }).toArray()).to.deep.equal(["d:c", "d:d", "d:e"]);
    expect(await hitsOf(store)).to.equal(4);
    // The end of this one was not scanned so far.
    expect(await db.scan({ gte: "d", lt: "g" }).toArray()).to.have.length(30);
    expect(await hitsOf(store)).to.equal(6);
    expect(await db.scan({ gte: "b", lt: "g" }).toArray()).to.have.length(50);
    expect(await hitsOf(store)).to.equal(8);
    // Pages serve both directions, whichever they came in.
    const down = await db.keys({ prefix: "c:", reverse: true, limit: 3 }).toArray();
    expect(down).to.deep.equal(["c:j", "c:i", "c:h"]);
    expect(await hitsOf(store)).to.equal(10);
    await db.scan({ prefix: "i:", reverse: true }).toArray();
    expect(await hitsOf(store)).to.equal(10);
    expect(await db.keys("i:", 2).toArray()).to.deep.equal(["i:a", "i:b"]);
    expect(await hitsOf(store)).to.equal(12);
    await db.close();
  });

  itWithRandom("has one page in place of the small ones of its parts", async (random) => {
    const store = await openSmall(random, 1_000_000);
    const { db } = store;
    for (const letter of "bdfh") {
      await db.scan(`${letter}:`).toArray();
    }
    const whole = async (): Promise<void> => {
      expect(await db.scan({ gte: "a:c", lt: "j:c" }).toArray()).to.have.length(90);
    };
    await whole();
    const { hits } = (await db.stats()).scan_cache;
    await whole();
    expect((await db.stats()).scan_cache.hits - hits).to.equal(2);
    // Nothing of it is asked for any more: each write to it is seen all the same.
    await db.put("d:a", 1);
    await db.delete("f:a");
    expect((await db.values({ gte: "d:a", lt: "d:b" }).toArray())[0]).to.equal(1);
    expect(await db.scan({ gte: "a:c", lt: "j:c" }).toArray()).to.have.length(89);
    await db.close();
  });

  itWithRandom("forgets what has to make room, and nothing is kept where it is off", async (random) => {
    const store = await openSmall(random, 3_000);
    const { db } = store;
    for (let round = 0; round < 4; round++) {
      for (const letter of "abcdefghij") {
        expect(await db.scan(`${letter}:`).toArray()).to.have.length(10);
      }
    }
    const { scan_cache: cache } = await db.stats();
    expect(cache.bytes).to.be.within(1, 3_000);
    // Two of twenty pages fit in, and each was asked for four times.
    expect(cache.hits).to.be.below(10);
    await db.close();

    const off = await openSmall(random, 0);
    await off.db.scan("a:").toArray();
    await off.db.scan("a:").toArray();
    expect((await off.db.stats()).scan_cache).to.deep.equal({
      hits: 0,
      misses: 0,
      hit_rate: 0,
      bytes: 0,
      capacity_bytes: 0,
    });
    await off.db.close();
  });

  itWithRandom(
    "has expiry judged at the moment of a scan, whatever leaves before the shards know of it",
    async (random) => {
      const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
      const clock = new SteppedClock();
      const { db } = await openSimulated(disk, clock, { shards: 1 });
      await db.batchPut(Array.from({ length: 20 }, (_, at) => [`a${at}`, at]));
      await db.put("z", "expiring", { ttl: 400 });
      await db.flush();
      await db.scan({ limit: 3 }).toArray();
      const cursor = db.scan({ limit: 3 }).cursor();
      clock.nowMs += 450;
      const others = [db.get("uncached"), db.compact()];
      await Promise.all(others);
      cursor.seek("z");
      expect(await cursor.next()).to.deep.equal(["z", "expiring"]);
      await cursor.close();
      await db.close();
    },
  );

  itWithRandom("lets the event loop have its turns while scans are answered from memory", async (random) => {
    const { db } = await openSmall(random, 1_000_000);
    await db.scan("a:").toArray();
    const counter = new TurnCounter();
    for (let scan = 0; scan < 500; scan++) {
      await db.scan("a:").toArray();
    }
    counter.stop();
    expect(counter.turns).to.be.above(5);
    await db.close();
  });

  itWithRandom("shows each scan its moment, whatever is written meanwhile", async (random) => {
    let hits = 0;
    for (let bout = 0; bout < 20 * rounds; bout++) {
      const disk = new SimulatedFileSystem({ random: random.fork(), maxAsyncTurns: 3, folders: ["/data"] });
      const clock = new SteppedClock();
      const store = await openSimulated(disk, clock, {
        shards: random.pick([1, 2, 3]),
        scanCacheSize: random.pick([4_000, 20_000, 1_000_000]),
        readCacheSize: random.pick([0, 3_000, 1_000_000]),
        maxMemtableSize: 64 * 1024,
      });
      await new Bout(random, store, clock, bout % 2 === 0 ? 0 : 2).run(200);
      const { scan_cache } = await store.db.stats();
      hits += scan_cache.hits;
      await store.db.close();
    }
    expect(hits).to.be.above(100 * rounds);
  });
});
