import { Engine } from "../../shard/engine/engine.js";
import type { EngineOptions } from "../../shard/engine/options.js";
import { newEntry, readKey, readPage } from "../../shard/engine/read-path/reads.js";
import {
  type Operation,
  OperationSection,
  operationKind,
  rangeFlag,
} from "../../shared/format/operations.js";
import { InlineJobRunner } from "../support/inline-job-runner.js";
import type { SimulatedFileSystem } from "../support/simulated-file-system.js";
import { SteppedClock, tinySettings } from "../support/simulated-store.js";
import type { ScanForm, StoreUnderTest } from "./model-run.js";
import { bytes, limitsOf, type Range } from "./operations.js";

const options: EngineOptions = {
  ...tinySettings,
  maxMemtableBytes: 64 * 1024,
  compression: "none",
  bloomBitsPerKey: 10,
  compactionParallelism: 2,
  maxOpenTables: 64,
  syncIntervalMs: 1,
};

interface Snapshot {
  id: number;
  sequence: number;
  timeMs: number;
}

const noBytes = new Uint8Array(0);
const pageEntries = 7;

/** One engine without a mailbox: writes wait here for rotations and stalls as they do there. */
export class EngineStore implements StoreUnderTest {
  readonly #disk: SimulatedFileSystem;
  readonly #clock = new SteppedClock();
  #engine!: Engine;
  #turn: Promise<void> = Promise.resolve();
  #sequence = 0;
  #onProgress: () => void = () => undefined;
  #snapshots = 0;
  #loads = 0;
  #epoch = 0;
  compactions = 0;

  private constructor(disk: SimulatedFileSystem) {
    this.#disk = disk;
  }

  static async open(disk: SimulatedFileSystem): Promise<EngineStore> {
    const store = new EngineStore(disk);
    await store.#open();
    return store;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  step(ms: number): void {
    this.#clock.nowMs += ms;
  }

  put(key: string, value: string, ttl: number): Promise<void> {
    return this.#write([this.#put(key, value, ttl)]);
  }

  delete(key: string): Promise<void> {
    return this.#write([operation(operationKind.delete, key)]);
  }

  batch(entries: { key: string; value: string | undefined; ttl: number }[]): Promise<void> {
    return this.#write(
      entries.map(({ key, value, ttl }) =>
        value === undefined ? operation(operationKind.delete, key) : this.#put(key, value, ttl),
      ),
    );
  }

  async get(keys: string[], snapshot: unknown): Promise<{ values: (string | undefined)[]; has: boolean[] }> {
    await this.#turn;
    const at = this.#pointOf(snapshot);
    const entry = newEntry();
    const values = keys.map((key) =>
      readKey(this.#engine.view(), key, at, entry)
        ? entry.valueBuffer.latin1Slice(entry.valueStart, entry.valueEnd)
        : undefined,
    );
    return { values, has: values.map((value) => value !== undefined) };
  }

  async scan(form: ScanForm, snapshot: unknown): Promise<{ entries: [string, string][]; keys: string[] }> {
    await this.#turn;
    const at = this.#pointOf(snapshot);
    const entries: [string, string][] = [];
    let range: { lower: string; upper: string | null } | undefined = limitsOf(form.range);
    while (range !== undefined && entries.length < form.limit) {
      const maxEntries = Math.min(pageEntries, form.limit - entries.length);
      const { reverse } = form;
      const request = { range, reverse, at, maxEntries, maxBytes: 2000, maxExamined: 60 };
      range = readPage(this.#engine.view(), request, (key, entry) => {
        entries.push([key, entry.valueBuffer.latin1Slice(entry.valueStart, entry.valueEnd)]);
        return entry.valueEnd - entry.valueStart;
      });
    }
    return { entries, keys: entries.map(([key]) => key) };
  }

  async count(range: Range, snapshot: unknown): Promise<number> {
    const all = { range, reverse: true, limit: Number.POSITIVE_INFINITY };
    return (await this.scan(all, snapshot)).entries.length;
  }

  async clear(range: Range): Promise<void> {
    const { lower, upper } = limitsOf(range);
    const tag = upper === null ? rangeFlag.unbounded : 0;
    await this.#write([{ ...operation(operationKind.deleteRange, lower), tag, value: bytes(upper ?? "") }]);
  }

  async bulkLoad(entries: { key: string; value: string }[]): Promise<void> {
    this.#loads += 1;
    const id = this.#loads.toString(16).padStart(32, "0");
    const { loads } = this.#engine;
    loads.begin(id);
    const section = new OperationSection(1024);
    entries.forEach(({ key, value }, at) => {
      section.append(this.#put(key, value, 0), at);
    });
    await loads.append(id, section.bytes(), entries.length);
    await loads.finish(id);
    const ingest = { ...operation(operationKind.ingest, ""), value: Buffer.from(id, "hex") };
    await this.#write([ingest], true);
  }

  async openSnapshot(): Promise<Snapshot> {
    await this.#turn;
    this.#snapshots += 1;
    const snapshot = { id: this.#snapshots, ...this.#pointOf(undefined) };
    this.#engine.holds.take(snapshot.id, snapshot);
    return snapshot;
  }

  async closeSnapshot(snapshot: unknown): Promise<void> {
    this.#engine.holds.release((snapshot as Snapshot).id);
    this.#engine.compactor.schedule();
  }

  async flush(): Promise<void> {
    await this.#inTurn(() => this.#engine.flush());
  }

  async compact(): Promise<void> {
    await this.flush();
    await this.#engine.compactor.compactAll();
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.#open();
  }

  /** The engine ends at once, and the next one recovers. */
  async kill(): Promise<void> {
    await this.#turn;
    const held = this.#engine.holds.view().holds.map((hold, at) => ({ id: -1 - at, hold }));
    await this.#engine.close({ atOnce: true });
    await this.#open(held);
  }

  async close(): Promise<void> {
    await this.#turn;
    this.compactions += this.#engine.compactor.statistics.compactions;
    await this.#engine.close({ atOnce: false });
  }

  async #open(held: { id: number; hold: { sequence: number; timeMs: number } }[] = []): Promise<void> {
    this.#epoch += 1;
    const fail = (error: unknown): void => {
      throw error;
    };
    this.#engine = Engine.open(
      {
        fileSystem: this.#disk,
        folder: "/shard",
        shard: { databaseId: new Uint8Array(16), shardIndex: 0, epoch: this.#epoch },
        jobs: new InlineJobRunner(this.#disk),
        setTimer: () => () => undefined,
      },
      options,
      {
        onSynced: () => undefined,
        onProgress: () => this.#onProgress(),
        onFatal: fail,
        onBackgroundError: fail,
      },
      {
        create: this.#epoch === 1,
        logged: {
          cutSequence: Number.MAX_SAFE_INTEGER,
          syncedSequence: Number.MAX_SAFE_INTEGER,
          sequences: new Set(),
        },
      },
    );
    this.#sequence = Math.max(this.#sequence, this.#engine.syncedSequence);
    await this.#engine.resume(held, new Set());
  }

  #put(key: string, value: string, ttl: number): Operation {
    const expiresAt = ttl === 0 ? 0 : this.nowMs + ttl;
    return { ...operation(operationKind.put, key), expiresAt, value: bytes(value) };
  }

  #pointOf(snapshot: unknown): { sequence: number; timeMs: number } {
    return (snapshot as Snapshot | undefined) ?? { sequence: this.#sequence, timeMs: this.nowMs };
  }

  #write(operations: readonly Operation[], isLoad = false): Promise<void> {
    if (operations.length === 0) {
      return Promise.resolve();
    }
    this.#sequence += 1;
    const sequence = this.#sequence;
    const { nowMs } = this;
    return this.#inTurn(async () => {
      const engine = this.#engine;
      while (engine.stall.kind === "stop") {
        await new Promise<void>((resolve) => {
          this.#onProgress = resolve;
        });
      }
      while (engine.rotation.isDue) {
        await engine.rotation.run();
      }
      if (isLoad) {
        engine.sealForLoad();
      }
      const section = new OperationSection(1024);
      for (const one of operations) {
        section.append(one, 0);
      }
      const accepted = engine.accept(
        { section: section.bytes(), firstSequence: sequence, lastSequence: sequence },
        nowMs,
        true,
      );
      if (accepted.refusal !== undefined) {
        throw accepted.refusal;
      }
      engine.complete(accepted);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function operation(kind: Operation["kind"], key: string): Operation {
  return { kind, tag: 0, expiresAt: 0, logged: false, key: bytes(key), value: noBytes };
}
