/** One client of a history: a chain of calls drawn by chance, mostly awaited one after the other. */

import type { FastKV } from "../../../../coordinator/fastkv.js";
import type {
  BatchOperation,
  DurabilityMode,
  ScanOptions,
  WriteOptions,
} from "../../../../coordinator/index.js";
import type { Random } from "../../../support/random.js";
import { missing, present, type Version } from "./checker/history.js";
import type { KeyRange, Keys } from "./keys.js";
import { type Found, foundValues, type Recorder } from "./recorder.js";
import { idOf, textOf } from "./stored-values.js";

export type CallCounts = Record<
  | "puts"
  | "deletes"
  | "batches"
  | "clears"
  | "gets"
  | "getManys"
  | "scans"
  | "cursors"
  | "counts"
  | "snapshots",
  number
>;

const kindsOfScan = ["scan", "keys", "values"] as const;

export class Client {
  readonly #db: FastKV<string>;
  readonly #recorder: Recorder;
  readonly #keys: Keys;
  readonly #random: Random;
  readonly #counts: CallCounts;
  readonly #modes: readonly DurabilityMode[];
  readonly #actions: readonly (() => Promise<unknown>)[];

  /** `modes`: what its writes ask for now and then. */
  constructor(
    db: FastKV<string>,
    recorder: Recorder,
    keys: Keys,
    random: Random,
    counts: CallCounts,
    modes: readonly DurabilityMode[],
  ) {
    this.#modes = modes;
    this.#db = db;
    this.#recorder = recorder;
    this.#keys = keys;
    this.#random = random;
    this.#counts = counts;
    const often = keys.all.length > 500 ? 1 : 3;
    this.#actions = [
      ...times(16, () => this.#put(keys.one(random))),
      ...times(6, () => this.#delete(keys.one(random))),
      ...times(8, () => this.#batch()),
      ...times(20, () => this.#get(keys.one(random))),
      ...times(6, () => this.#getMany()),
      ...times(4, () => this.#has()),
      ...times(4, () => this.#putAndGet()),
      ...times(2, () => this.#burst()),
      ...times(1, () => this.#clear()),
      ...times(often, () => this.#scan()),
      ...times(often, () => this.#slowScan()),
      ...times(often, () => this.#cursor()),
      ...times(often, () => this.#count()),
      ...times(often, () => this.#snapshot()),
    ];
  }

  /** One call, or a few that belong together. */
  act(): Promise<unknown> {
    return this.#random.pick(this.#actions)();
  }

  /** One write, without waiting for anything before it. */
  write(): Promise<unknown> {
    const random = this.#random;
    return random.chance(0.5) ? this.#put(this.#keys.one(random)) : this.#batch();
  }

  /** Puts every key once. */
  async fill(): Promise<void> {
    const { all } = this.#keys;
    for (let at = 0; at < all.length; at += 250) {
      await this.#batchPut(all.slice(at, at + 250));
    }
  }

  #options(): WriteOptions | undefined {
    return this.#random.chance(0.2) ? { durability: this.#random.pick(this.#modes) } : undefined;
  }

  #put(key: string): Promise<void> {
    this.#counts.puts += 1;
    const options = this.#options();
    return this.#recorder.write({ puts: [key] }, (id) => this.#db.put(key, textOf(id), options));
  }

  #delete(key: string): Promise<void> {
    this.#counts.deletes += 1;
    return this.#recorder.write({ removes: [key] }, () => this.#db.delete(key, this.#options()));
  }

  #batch(): Promise<void> {
    const keys = this.#keys.some(this.#random, 12);
    if (this.#random.chance(0.4)) {
      return this.#batchPut(keys);
    }
    this.#counts.batches += 1;
    const puts = keys.filter(() => this.#random.chance(0.6));
    const removes = keys.filter((key) => !puts.includes(key));
    return this.#recorder.write({ puts, removes }, (id) => {
      const operations = keys.map((key): BatchOperation<string> => {
        return puts.includes(key) ? { type: "put", key, value: textOf(id) } : { type: "del", key };
      });
      return this.#db.batch(operations, this.#options());
    });
  }

  #batchPut(keys: readonly string[]): Promise<void> {
    this.#counts.batches += 1;
    return this.#recorder.write({ puts: keys }, (id) =>
      this.#db.batchPut(
        keys.map((key) => [key, textOf(id)] as const),
        this.#options(),
      ),
    );
  }

  #clear(): Promise<void> {
    this.#counts.clears += 1;
    const range = this.#random.chance(0.1) ? {} : this.#keys.range(this.#random, 40);
    const removes = this.#keys.inRange(range);
    return this.#recorder.write({ removes }, () => this.#db.clear(range, this.#options()));
  }

  #get(key: string): Promise<void> {
    this.#counts.gets += 1;
    return this.#recorder.read(`get ${key}`, async () => {
      return { values: foundValues([key], [await this.#db.get(key)]) };
    });
  }

  #has(): Promise<void> {
    const keys = this.#keys.some(this.#random, 4);
    if (keys.length === 1) {
      return this.#recorder.read("has", async () => presence(keys, [await this.#db.has(keys[0]!)]));
    }
    return this.#recorder.read("hasMany", async () => presence(keys, await this.#db.hasMany(keys)));
  }

  #getMany(): Promise<void> {
    this.#counts.getManys += 1;
    const keys = this.#keys.some(this.#random, 12);
    return this.#recorder.read("getMany", async () => {
      return { values: foundValues(keys, await this.#db.getMany(keys)) };
    });
  }

  /** Order of calls: what is read in the turn of a write sees it. */
  #putAndGet(): Promise<unknown> {
    const key = this.#keys.one(this.#random);
    return Promise.all([this.#get(key), this.#put(key), this.#get(key), this.#snapshot(), this.#get(key)]);
  }

  #burst(): Promise<unknown> {
    const keys = this.#keys.quiet(this.#random, 12);
    return Promise.all(
      keys.flatMap((key) => [this.#put(key), ...(this.#random.chance(0.3) ? [this.#get(key)] : [])]),
    );
  }

  #scan(): Promise<void> {
    this.#counts.scans += 1;
    const random = this.#random;
    const { options, covered } = this.#scanOptions();
    // Values without their keys say how many there are, where all are wanted.
    const kind = random.pick(options.limit === undefined ? kindsOfScan : kindsOfScan.slice(0, 2));
    return this.#recorder.cut(`${kind} of ${JSON.stringify(options)}`, async () => {
      if (kind === "scan") {
        return { values: ofEntries(covered, options, await this.#db.scan(options).toArray()) };
      }
      if (kind === "keys") {
        return { values: ofKeys(covered, options, await this.#db.keys(options).toArray()) };
      }
      const ids = (await this.#db.values(options).toArray()).map((value) => idOf(value, "a scan of values"));
      return { count: { keys: covered, found: ids.length } };
    });
  }

  /** It is read over many turns, in which everything changes. */
  #slowScan(): Promise<void> {
    this.#counts.scans += 1;
    const { options, covered } = this.#scanOptions();
    return this.#recorder.cut(`slow scan of ${JSON.stringify(options)}`, async () => {
      const entries: [string, string][] = [];
      for await (const entry of this.#db.scan(options)) {
        entries.push(entry);
        if (entries.length % 16 === 0) {
          await turns(this.#random.int(4));
        }
      }
      return { values: ofEntries(covered, options, entries) };
    });
  }

  /** It is read to some place, and then from another one on, all as of its call. */
  #cursor(): Promise<void> {
    this.#counts.cursors += 1;
    const target = this.#random.pick(this.#keys.all);
    return this.#recorder.cut(`cursor to ${target}`, async () => {
      await using cursor = this.#db.scan().cursor();
      const first = await cursor.read(this.#random.between(1, 40));
      await turns(this.#random.int(4));
      cursor.seek(target);
      const rest: [string, string][] = [];
      for (let more = await cursor.read(50); more.length > 0; more = await cursor.read(50)) {
        rest.push(...more);
      }
      const from = this.#keys.inRange({ gte: target });
      const upTo = this.#keys.all.filter((key) => first.length > 0 && key <= first.at(-1)![0]);
      const started = ofEntries(upTo, {}, first);
      const continued = ofEntries(from, {}, rest);
      for (const [key, version] of continued) {
        if (started.has(key) && started.get(key) !== version) {
          throw new Error(`A cursor shows two values of ${key}: ${started.get(key)} and ${version}`);
        }
      }
      return { values: new Map([...started, ...continued]) };
    });
  }

  #count(): Promise<void> {
    this.#counts.counts += 1;
    const range = this.#keys.range(this.#random);
    const keys = this.#keys.inRange(range);
    return this.#recorder.cut("count", async () => ({ count: { keys, found: await this.#db.count(range) } }));
  }

  /** All that is read of it, however late, is as of its call. */
  async #snapshot(): Promise<void> {
    this.#counts.snapshots += 1;
    const random = this.#random;
    const { all } = this.#keys;
    const callAt = this.#recorder.now();
    const called = this.#db.snapshot();
    const taken = { callAt, endAt: this.#recorder.now() };
    const snapshot = await called;
    for (let look = random.between(1, 2); look > 0; look -= 1) {
      await turns(random.int(20));
      if (all.length <= 500 && random.chance(0.5)) {
        const whole = async (): Promise<Found> => ({
          values: ofEntries(all, {}, await snapshot.scan().toArray()),
        });
        await this.#recorder.cut("scan of a snapshot", whole, taken);
      } else if (random.chance(0.2)) {
        const counted = async (): Promise<Found> => ({ count: { keys: all, found: await snapshot.count() } });
        await this.#recorder.cut("count of a snapshot", counted, taken);
      } else {
        const keys = this.#keys.some(random, 30);
        const many = async (): Promise<Found> => ({
          values: foundValues(keys, await snapshot.getMany(keys)),
        });
        await this.#recorder.cut("getMany of a snapshot", many, taken);
      }
    }
    await snapshot.close();
  }

  #scanOptions(): { options: KeyRange & ScanOptions; covered: string[] } {
    const random = this.#random;
    const range: KeyRange = random.chance(0.4) ? {} : this.#keys.range(random);
    const limit = random.chance(0.2) ? { limit: random.between(1, 40) } : {};
    const options = { ...range, ...limit, reverse: random.chance(0.3) };
    const inRange = this.#keys.inRange(range);
    return { options, covered: options.reverse ? inRange.reverse() : inRange };
  }
}

/** What a scan says of the keys that it covers, in its direction: with a limit, those up to the last one it gave. */
function ofEntries(
  covered: readonly string[],
  options: ScanOptions,
  entries: readonly (readonly [string, string])[],
): ReadonlyMap<string, Version> {
  const keys = upToLimit(
    covered,
    options,
    entries.map(([key]) => key),
  );
  const values = new Map(entries);
  return foundValues(
    keys,
    keys.map((key) => values.get(key)),
  );
}

function ofKeys(
  covered: readonly string[],
  options: ScanOptions,
  found: readonly string[],
): ReadonlyMap<string, Version> {
  const there = new Set(found);
  return new Map(
    upToLimit(covered, options, found).map((key) => [key, there.has(key) ? present : missing] as const),
  );
}

/** Throws where the keys are not in order, or are none that there can be. */
function upToLimit(
  covered: readonly string[],
  { limit }: ScanOptions,
  found: readonly string[],
): readonly string[] {
  let at = 0;
  for (const key of found) {
    const place = covered.indexOf(key, at);
    if (place < 0) {
      throw new Error(`A scan gives ${key} out of order, twice, or out of its range`);
    }
    at = place + 1;
  }
  if (limit !== undefined && found.length > limit) {
    throw new Error(`A scan gives ${found.length} entries beyond its limit of ${limit}`);
  }
  return found.length === limit ? covered.slice(0, at) : covered;
}

function presence(keys: readonly string[], found: readonly boolean[]): Found {
  return { values: new Map(keys.map((key, at) => [key, found[at] ? present : missing] as const)) };
}

function times<T>(count: number, value: T): T[] {
  return new Array<T>(count).fill(value);
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
