/**
 * Small databases with every kind of file, as a clean close or a crash leaves them, and all that is known of them: what
 * they hold, every write in its order, and the earlier versions of each file.
 */

import type { FastKV } from "../../../../coordinator/fastkv.js";
import { type CodecName, isCodecAvailable } from "../../../../shard/engine/table/compression.js";
import { FastKVError } from "../../../../shared/errors.js";
import { type Change, Oracle } from "../../../crash/simulated/oracle.js";
import { SortedModel } from "../../../model/sorted-model.js";
import { InProcessLauncher, type JobPurpose } from "../../../support/in-process-launcher.js";
import { Random } from "../../../support/random.js";
import { SimulatedCrash } from "../../../support/simulated-disk/simulated-crash.js";
import { type DiskCall, SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import {
  openSimulated,
  restart,
  SteppedClock,
  storeFolder,
  tinySettings,
} from "../../../support/simulated-store.js";

export const shards = 2;
const keyCount = 24;
const shortTtlMs = 1000;
const tenYearsMs = 315_360_000_000;

/** A database that nobody has open. */
export interface Base {
  readonly name: string;
  readonly disk: SimulatedFileSystem;
  /** Its end was clean: then no log may end torn. */
  readonly isClosed: boolean;
  readonly oracle: Oracle;
  /** The truth, as of `nowMs`. */
  readonly model: SortedModel;
  readonly nowMs: number;
  /** What each file held before, newest last. */
  readonly earlier: ReadonlyMap<string, readonly Buffer[]>;
}

export function keyOf(index: number): string {
  return `key${String(index).padStart(3, "0")}`;
}

/** Notes what a file held before each call that changes it, and stops the machine before a call that is asked for. */
class VersionWatch {
  readonly versions = new Map<string, Buffer[]>();

  watch(disk: SimulatedFileSystem, isLast: (call: DiskCall) => boolean = () => false): void {
    disk.onMutation = (call) => {
      if (isLast(call)) {
        disk.halt("stopped by the test");
        throw new SimulatedCrash(`The machine stops before ${call.operation} of ${call.path}`);
      }
      this.#note(disk, call.path);
    };
  }

  #note(disk: SimulatedFileSystem, path: string): void {
    if (disk.files().includes(path)) {
      const content = disk.contentOf(path);
      const known = this.versions.get(path) ?? [];
      if (content.length > 0 && !known.some((one) => one.equals(content))) {
        this.versions.set(path, [...known, content]);
      }
    }
  }

  /** Those of files that are there, and differ from what they hold. */
  of(disk: SimulatedFileSystem): Map<string, Buffer[]> {
    const found = disk.files().map((path): [string, Buffer[]] => {
      const now = disk.contentOf(path);
      return [path, (this.versions.get(path) ?? []).filter((version) => !version.equals(now))];
    });
    return new Map(found.filter(([, versions]) => versions.length > 0));
  }
}

/** A database while it is filled: each write is noted in the oracle, in the order of its sequence number. */
class Filling {
  readonly oracle = new Oracle(shards);
  readonly model = new SortedModel();
  readonly clock = new SteppedClock();
  readonly watch = new VersionWatch();
  /** What is told of each background job before it runs. */
  onJob: (purpose: JobPurpose | undefined) => void = () => undefined;
  readonly disk: SimulatedFileSystem;
  readonly #random: Random;
  #launcher: InProcessLauncher | undefined;
  #db: FastKV | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
    this.watch.watch(this.disk);
  }

  get db(): FastKV {
    if (this.#db === undefined) {
      throw new Error("The database is not open");
    }
    return this.#db;
  }

  async open(compression: CodecName): Promise<void> {
    this.#launcher = new InProcessLauncher(this.disk, {
      settings: { ...tinySettings, targetTableBytes: 1024, levelOneTargetBytes: 1024 },
      onJob: (purpose) => this.onJob(purpose),
    });
    const options = { shards, compression, blockSize: 512, bloomBitsPerKey: 12 };
    const { db } = await openSimulated(this.disk, this.clock, options, this.#launcher);
    this.#db = db;
  }

  /** What a restart finds when all processes are killed now. */
  async kill(): Promise<SimulatedFileSystem> {
    await this.#launcher?.close();
    return restart(this.disk, this.#random, "keepAll");
  }

  async put(index: number, ttl = 0): Promise<void> {
    const change = this.#newPut(keyOf(index), ttl);
    this.#note([change], false);
    const options = { durability: this.#random.pick(["background", "sync"] as const) };
    await this.db.put(change.key, change.value, ttl === 0 ? options : { ...options, ttl });
  }

  async remove(index: number): Promise<void> {
    this.#note([{ type: "delete", key: keyOf(index) }], false);
    await this.db.delete(keyOf(index));
  }

  /** Touches all shards. */
  async batch(indexes: readonly number[]): Promise<void> {
    const keys = [...indexes.map(keyOf), ...this.#markers()];
    const changes = keys.map((key) => this.#newPut(key, 0));
    this.#note(changes, false);
    await this.db.batchPut(
      changes.map(({ key, value }) => [key, value]),
      { durability: this.#random.pick(["background", "sync"] as const) },
    );
  }

  async clear(from: number, to: number): Promise<void> {
    this.#note([{ type: "clear", lower: keyOf(from), upper: keyOf(to) }], true);
    await this.db.clear({ gte: keyOf(from), lt: keyOf(to) });
  }

  async load(indexes: readonly number[]): Promise<void> {
    const changes = [...indexes.map(keyOf), ...this.#markers()].map((key) => this.#newPut(key, 0));
    this.#note(changes, true);
    await this.db.bulkLoad(changes.map(({ key, value }): [string, string] => [key, value]));
  }

  base(name: string, disk: SimulatedFileSystem, isClosed: boolean): Base {
    // What was put with a short time to live has expired from now on.
    const nowMs = this.clock.nowMs + 10 * shortTtlMs;
    const { oracle, model } = this;
    oracle.noteAllDurable();
    return { name, disk: settled(disk), isClosed, oracle, model, nowMs, earlier: this.watch.of(disk) };
  }

  #newPut(key: string, ttl: number): Change & { type: "put" } {
    const value = `${key}=${this.oracle.writes.length}:${"v".repeat(this.#random.int(24))}`;
    return { type: "put", key, value, expiresAt: ttl === 0 ? 0 : this.clock.nowMs + ttl };
  }

  /** A key in each shard that is written once. */
  #markers(): string[] {
    return Array.from({ length: shards }, (_, shard) => {
      for (let n = 0; ; n++) {
        const key = `~${this.oracle.writes.length}-${n}`;
        if (this.oracle.shardOf(key) === shard) {
          return key;
        }
      }
    });
  }

  #note(changes: Change[], goesToAll: boolean): void {
    this.oracle.send(changes, goesToAll);
    for (const change of changes) {
      if (change.type === "put") {
        this.model.put(change.key, change.value, change.expiresAt);
      } else if (change.type === "delete") {
        this.model.delete(change.key);
      } else {
        this.model.clear(change.lower, change.upper);
      }
    }
  }
}

const someIndexes = (random: Random, count: number): number[] =>
  random.shuffle(Array.from({ length: keyCount }, (_, index) => index)).slice(0, count);

/** Several levels, a bulk load, a clear that waits for a compaction, values with a time to live, a WAL, a batch log. */
async function fill(filling: Filling, random: Random): Promise<void> {
  for (let index = 0; index < keyCount; index++) {
    await filling.put(index);
  }
  await filling.db.compact();
  await filling.load(someIndexes(random, 8));
  for (const index of someIndexes(random, 6)) {
    await filling.put(index);
  }
  await filling.db.flush();
  await filling.clear(4, 9);
  await filling.put(5, tenYearsMs);
  await filling.put(6, shortTtlMs);
  await filling.batch(someIndexes(random, 6));
  await filling.db.flush();
  await writeMore(filling, random);
}

/** What stays in the WAL. */
async function writeMore(filling: Filling, random: Random): Promise<void> {
  const [first, second, third] = someIndexes(random, 3) as [number, number, number];
  await filling.put(first);
  await filling.remove(second);
  await filling.batch(someIndexes(random, 3));
  await filling.put(third, tenYearsMs);
  await filling.put(second, shortTtlMs);
  await filling.put(first);
}

function someCodec(): CodecName {
  return (["zstd", "lz4", "snappy"] as const).find(isCodecAvailable) ?? "none";
}

async function closedBase(random: Random): Promise<Base> {
  const filling = new Filling(random);
  await filling.open(someCodec());
  await fill(filling, random);
  await filling.db.close();
  return filling.base("closed", filling.disk.crash(random, "dropAll"), true);
}

/** All processes were killed: two live WAL segments in each shard, since no flush gets done. */
async function killedBase(random: Random): Promise<Base> {
  const filling = new Filling(random);
  await filling.open("none");
  await fill(filling, random);
  filling.onJob = (purpose) => {
    if (purpose === "flush") {
      throw new FastKVError("FASTKV_NO_SPACE", "There is no room for a flush");
    }
  };
  void filling.db.flush().catch(() => undefined);
  await filling.batch(someIndexes(random, 4));
  await writeMore(filling, random);
  return filling.base("killed", await filling.kill(), false);
}

/** Killed behind a flush and a bulk load: only the last changes of the manifests name their tables. */
async function flushedBase(random: Random): Promise<Base> {
  const filling = new Filling(random);
  await filling.open("none");
  for (const index of someIndexes(random, 8)) {
    await filling.put(index);
  }
  await filling.load(someIndexes(random, 6));
  await filling.batch(someIndexes(random, 4));
  await filling.db.flush();
  await writeMore(filling, random);
  return filling.base("flushed", await filling.kill(), false);
}

/** Killed when a bulk load's tables were in force, and its own file was about to go. */
async function loadingBase(random: Random): Promise<Base> {
  const filling = new Filling(random);
  await filling.open("none");
  for (const index of someIndexes(random, 8)) {
    await filling.put(index);
  }
  filling.watch.watch(
    filling.disk,
    ({ operation, path }) => operation === "remove" && path.endsWith(".load"),
  );
  void filling.load(someIndexes(random, 6)).catch(() => undefined);
  await untilHalted(filling.disk);
  return filling.base("loading", await filling.kill(), false);
}

/** Killed, and killed again when the next opening had switched to a new manifest and not yet removed the old one. */
async function recoveringBase(random: Random): Promise<Base> {
  const base = await killedBase(random);
  const { disk } = base;
  const clock = new SteppedClock();
  clock.nowMs = base.nowMs;
  const watch = new VersionWatch();
  watch.watch(disk, ({ operation, path }) => operation === "remove" && path.includes("/MANIFEST-"));
  const launcher = new InProcessLauncher(disk, { settings: tinySettings });
  void openSimulated(disk, clock, {}, launcher).catch(() => undefined);
  await untilHalted(disk);
  await launcher.close();
  const next = restart(disk, random, "keepAll");
  return { ...base, name: "recovering", disk: settled(next), earlier: watch.of(next) };
}

/** The same files, all of them on disk: what a crash of the copy finds is what stood there. */
export function settled(disk: SimulatedFileSystem): SimulatedFileSystem {
  const files = disk.files();
  const folders = ["/data", ...new Set(files.map((path) => path.slice(0, path.lastIndexOf("/"))))].sort();
  const copy = new SimulatedFileSystem({ random: new Random(0), folders });
  for (const path of files) {
    copy.install(path, disk.contentOf(path));
  }
  return copy;
}

async function untilHalted(disk: SimulatedFileSystem): Promise<void> {
  for (let turns = 0; !disk.hasCrashed; turns++) {
    if (turns > 100_000) {
      throw new Error("The machine was never stopped");
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** All bases; with the same seed the same ones. */
export async function makeBases(random: Random): Promise<Base[]> {
  const bases = [
    await closedBase(random.fork()),
    await killedBase(random.fork()),
    await flushedBase(random.fork()),
    await loadingBase(random.fork()),
    await recoveringBase(random.fork()),
  ];
  for (const base of bases) {
    checkKinds(base);
  }
  return bases;
}

/** A base without a kind of file proves nothing about it. */
function checkKinds({ name, disk }: Base): void {
  const files = disk.files().map((path) => path.slice(storeFolder.length + 1));
  const wanted = [/^FASTKV$/, /^OWNER-/, /^batch-log-/, /\/CURRENT$/, /\/MANIFEST-/, /\.wal$/, /\.sst$/];
  if (name === "loading") {
    wanted.push(/\.load$/);
  }
  for (const kind of wanted) {
    if (!files.some((file) => kind.test(file))) {
      throw new Error(`The database "${name}" has no file ${kind}: ${files.join(" ")}`);
    }
  }
}
