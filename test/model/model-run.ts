import { expect } from "chai";
import { FastKVError } from "../../shared/errors.js";
import { filledKey, limitsOf, type Operation, type Range } from "./operations.js";
import { SortedModel } from "./sorted-model.js";

export interface ScanForm {
  range: Range;
  reverse: boolean;
  limit: number;
}

/** A store under test: the sharded one or a bare engine. Keys and values are byte strings; ttl 0 means never. */
export interface StoreUnderTest {
  readonly nowMs: number;
  step(ms: number): void;
  put(key: string, value: string, ttl: number): Promise<void>;
  delete(key: string): Promise<void>;
  batch(entries: { key: string; value: string | undefined; ttl: number }[], viaPut: boolean): Promise<void>;
  /** Value and has() of each key. */
  get(keys: string[], snapshot: unknown): Promise<{ values: (string | undefined)[]; has: boolean[] }>;
  scan(form: ScanForm, snapshot: unknown): Promise<{ entries: [string, string][]; keys: string[] }>;
  count(range: Range, snapshot: unknown): Promise<number>;
  clear(range: Range): Promise<void>;
  bulkLoad(entries: { key: string; value: string }[]): Promise<void>;
  openSnapshot(): Promise<unknown>;
  closeSnapshot(snapshot: unknown): Promise<void>;
  flush(): Promise<void>;
  compact(): Promise<void>;
  reopen(): Promise<void>;
  kill(shard: number): Promise<void>;
  close(): Promise<void>;
}

interface OpenSnapshot {
  handle: unknown;
  model: SortedModel;
  timeMs: number;
}

/** Performs operations on a store and on the model, and compares all that is read. */
export class ModelRun {
  readonly #store: StoreUnderTest;
  readonly #model = new SortedModel();
  #snapshots: OpenSnapshot[] = [];
  #pending: Promise<void>[] = [];

  constructor(store: StoreUnderTest) {
    this.#store = store;
  }

  async run(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      await this.#perform(operation);
    }
    await this.#settle();
    await this.#checkAll();
    await this.#reopen();
    await this.#checkAll();
  }

  async #perform(operation: Operation): Promise<void> {
    const store = this.#store;
    const model = this.#model;
    switch (operation.type) {
      case "put": {
        const { key, value, ttl } = operation;
        model.put(key, value, ttl === 0 ? 0 : store.nowMs + ttl);
        return this.#await(store.put(key, value, ttl), operation.awaited);
      }
      case "delete":
        model.delete(operation.key);
        return this.#await(store.delete(operation.key), operation.awaited);
      case "batch": {
        const entries = operation.viaPut
          ? operation.entries.map((one) => ({ ...one, value: one.value ?? "x", ttl: 0 }))
          : operation.entries;
        for (const { key, value, ttl } of entries) {
          if (value === undefined) {
            model.delete(key);
          } else {
            model.put(key, value, ttl === 0 ? 0 : store.nowMs + ttl);
          }
        }
        return this.#await(store.batch(entries, operation.viaPut), operation.awaited);
      }
      case "fill":
        for (let n = 0; n < operation.count; n++) {
          const key = filledKey(operation.prefix, (n * 7) % 400);
          model.put(key, operation.value);
          this.#pending.push(store.put(key, operation.value, 0));
        }
        return this.#settle();
      case "get":
        return this.#checkKeys(operation.keys, this.#snapshotAt(operation.snapshot));
      case "scan":
        return this.#checkScan(operation, this.#snapshotAt(operation.snapshot));
      case "count":
        return this.#checkCount(operation.range, this.#snapshotAt(operation.snapshot));
      case "clear": {
        const { lower, upper } = limitsOf(operation.range);
        model.clear(lower, upper);
        return this.#await(store.clear(operation.range), operation.awaited);
      }
      case "bulkLoad":
        return this.#bulkLoad(operation.entries);
      case "openSnapshot": {
        const opened = { model: model.copy(), timeMs: store.nowMs };
        this.#snapshots.push({ ...opened, handle: await store.openSnapshot() });
        return;
      }
      case "closeSnapshot": {
        const [closed] = this.#snapshots.splice(operation.at, 1);
        return closed === undefined ? undefined : store.closeSnapshot(closed.handle);
      }
      case "step":
        store.step(operation.ms);
        return;
      case "flush":
        return store.flush();
      case "compact":
        return store.compact();
      case "reopen":
        return this.#reopen();
      case "kill":
        return store.kill(operation.shard);
    }
  }

  /** A load is given up where a shard dies under it: then nothing of it may be there. */
  async #bulkLoad(entries: { key: string; value: string }[]): Promise<void> {
    try {
      await this.#store.bulkLoad(entries);
    } catch (error) {
      if (error instanceof FastKVError && error.code === "FASTKV_SHARD_UNAVAILABLE") {
        return;
      }
      throw error;
    }
    for (const { key, value } of entries) {
      this.#model.put(key, value);
    }
  }

  async #await(write: Promise<void>, awaited: boolean): Promise<void> {
    this.#pending.push(write);
    if (awaited) {
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
  }

  #snapshotAt(at: number): OpenSnapshot {
    return this.#snapshots[at] ?? { handle: undefined, model: this.#model, timeMs: this.#store.nowMs };
  }

  async #reopen(): Promise<void> {
    await this.#checkAll();
    for (const { handle } of this.#snapshots) {
      await this.#store.closeSnapshot(handle);
    }
    this.#snapshots = [];
    const pending = this.#settle();
    await this.#store.reopen();
    await pending;
  }

  async #checkAll(): Promise<void> {
    const now = { handle: undefined, model: this.#model, timeMs: this.#store.nowMs };
    for (const state of [now, ...this.#snapshots]) {
      for (const reverse of [false, true]) {
        await this.#checkScan({ range: {}, reverse, limit: Number.POSITIVE_INFINITY }, state);
      }
      await this.#checkCount({}, state);
      await this.#checkKeys(
        state.model.scan("", null, 0).map(([key]) => key),
        state,
      );
    }
  }

  async #checkKeys(keys: string[], { handle, model, timeMs }: OpenSnapshot): Promise<void> {
    const expected = keys.map((key) => model.get(key, timeMs)?.value);
    const { values, has } = await this.#store.get(keys, handle);
    same(values, expected, "get");
    same(
      has,
      expected.map((value) => value !== undefined),
      "has",
    );
  }

  async #checkScan(form: ScanForm, { handle, model, timeMs }: OpenSnapshot): Promise<void> {
    const { lower, upper } = limitsOf(form.range);
    const expected = model.scan(lower, upper, timeMs, form);
    const { entries, keys } = await this.#store.scan(form, handle);
    same(
      keys,
      expected.map(([key]) => key),
      "keys",
    );
    same(entries, expected, "scan");
  }

  async #checkCount(range: Range, { handle, model, timeMs }: OpenSnapshot): Promise<void> {
    const { lower, upper } = limitsOf(range);
    const expected = model.scan(lower, upper, timeMs).length;
    expect(await this.#store.count(range, handle), "count").to.equal(expected);
  }
}

/** Deep equality whose message stays short. */
function same(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const shown = (item: unknown): string => JSON.stringify(item)?.slice(0, 80) ?? "undefined";
  const length = Math.max(actual.length, expected.length);
  for (let at = 0; at < length; at++) {
    if (JSON.stringify(actual[at]) !== JSON.stringify(expected[at])) {
      throw new Error(
        `${what}: at ${at} of ${actual.length} (${expected.length} expected) ${shown(actual[at])} instead of ${shown(expected[at])}`,
      );
    }
  }
}
