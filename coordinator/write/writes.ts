import type { ValueCodec } from "../../shared/codec/value-codec.js";
import type { FastKVError } from "../../shared/errors.js";
import { operationKind } from "../../shared/format/operations.js";
import type { DurabilityMode } from "../../shared/options.js";
import { CachedWrite, type Refill } from "../cache/cached-write.js";
import type { FillTicket } from "../cache/read-cache.js";
import { abortError } from "../calls/abort.js";
import type { BatchOperation, BulkLoadOptions } from "../calls/call-options.js";
import type { Key } from "../calls/keys.js";
import type { ByteRange } from "../calls/ranges.js";
import { notApplied } from "../calls/refusals.js";
import type { Database } from "../database.js";
import type { EntryEncoder, ValueOptions } from "../encoding/entry-encoder.js";
import type { ScanRun } from "../scan/merged-scan.js";
import { deleteRangeSection, encodeBatch } from "./batch.js";
import { BulkLoad, type BulkLoadResult } from "./bulk-load.js";
import { KeyClear } from "./clearing.js";
import type { EntrySource } from "./entry-source.js";

/**
 * Every kind of write. Each gets its sequence number, is sent to its shards, and is reported to the caches and to
 * running clears. Throws when a call is refused.
 */
export class Writes {
  readonly #database: Database;
  readonly #codec: ValueCodec;
  /** Shared with reads. Its contents are not used after a call returns. */
  readonly #encoder: EntryEncoder;
  readonly #loads = new Set<BulkLoad>();
  /** Clears that read keys and have not deleted all of them yet. */
  readonly #clears = new Set<KeyClear>();

  constructor(database: Database, codec: ValueCodec, encoder: EntryEncoder) {
    this.#database = database;
    this.#codec = codec;
    this.#encoder = encoder;
  }

  /** Puts the entry that is in the encoder. `key` is as given by the program. */
  put(key: Key, mode: DurabilityMode): Promise<void> {
    return this.#write(operationKind.put, key, mode);
  }

  /** Deletes the key that is in the encoder. */
  delete(key: Key, mode: DurabilityMode): Promise<void> {
    return this.#write(operationKind.delete, key, mode);
  }

  #write(kind: number, key: Key, mode: DurabilityMode): Promise<void> {
    const database = this.#database;
    const entry = this.#encoder;
    const client = database.clients[entry.shard]!;
    client.checkAvailable();
    const sequence = database.nextSequence();
    const cache = database.caches.values;
    let refill: Refill | undefined;
    if (this.#wantsNames) {
      const name = cache.nameOf(key, entry.key, entry.keyBytes);
      const ticket = this.#noteWritten(entry.shard, name, kind === operationKind.put && mode !== "none");
      if (ticket !== undefined && entry.value.length <= cache.capacityBytes) {
        const { tag, value, expiresAt } = entry;
        const text = this.#codec.keep(tag, value, 0, value.length);
        refill = { ticket, text: { tag, text, bytes: value.length, expiresAt } };
      }
    }
    if (mode === "none" && !client.isCongested(entry.keyBytes + entry.value.length)) {
      client.write(kind, entry, sequence, false, undefined);
      return database.turns.answer(undefined);
    }
    return new Promise((resolve, reject) => {
      const pending =
        refill === undefined
          ? { sequence, resolve, reject }
          : new CachedWrite(sequence, cache, refill, resolve, reject);
      client.write(kind, entry, sequence, mode === "sync", pending);
    });
  }

  batch<V>(
    operations: Iterable<BatchOperation<V>>,
    defaults: ValueOptions,
    mode: DurabilityMode,
  ): Promise<void> {
    const { batches, caches, shardCount, turns } = this.#database;
    const namer = this.#wantsNames ? caches.values : undefined;
    const { parts, names } = encodeBatch(operations, defaults, shardCount, this.#encoder, namer);
    if (parts.length === 0) {
      return Promise.resolve();
    }
    const written = batches.write(parts, mode === "sync", mode !== "none");
    names.forEach((ofShard, shard) => {
      for (const name of ofShard) {
        this.#noteWritten(shard, name, false);
      }
    });
    return mode === "none" ? written.then(() => turns.answer(undefined)) : written;
  }

  /** Deletes all keys of a range, with one operation per shard. */
  clear(range: ByteRange, mode: DurabilityMode): Promise<void> {
    const { batches, caches, clients } = this.#database;
    caches.noteManyWritten();
    const parts = clients.map(({ index }) => ({ shard: index, section: deleteRangeSection(range) }));
    return batches.write(parts, mode === "sync", mode !== "none");
  }

  /** Deletes the keys that a scan returns. */
  clearShown(keys: ScanRun, mode: DurabilityMode): Promise<void> {
    const clear = new KeyClear(keys, (operations) => this.batch(operations, {}, mode));
    this.#clears.add(clear);
    return clear.run().finally(() => this.#clears.delete(clear));
  }

  async load<V>(
    entries: EntrySource<V>,
    { onProgress, signal }: Pick<BulkLoadOptions, "onProgress" | "signal">,
  ): Promise<BulkLoadResult> {
    const database = this.#database;
    const load = new BulkLoad(
      {
        shardCount: database.shardCount,
        request: (shard, request, settings) => database.request(shard, request, settings),
        begin: (loadId) => database.batches.beginLoad(loadId),
        end: (loadId) => database.batches.endLoad(loadId),
        obstacle: () => this.#clearsUnderWay(),
        commit: (loadId) => {
          database.caches.noteManyWritten();
          return database.batches.commitLoad(loadId);
        },
      },
      { onProgress },
    );
    const onAbort = (): void => load.stop(abortError(signal!, "not-applied"));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#loads.add(load);
    try {
      return await load.run(() => entries.pull(load));
    } catch (error) {
      entries.leave();
      throw error;
    } finally {
      this.#loads.delete(load);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Ends the bulk loads whose commit has not started. */
  stopLoads(reason: FastKVError): void {
    for (const load of this.#loads) {
      load.stop(notApplied(reason));
    }
  }

  /**
   * A clear that reads its keys cannot tell which of them a load writes, so the load becomes visible after the clear.
   */
  #clearsUnderWay(): Promise<unknown> | undefined {
    return this.#clears.size === 0
      ? undefined
      : Promise.allSettled([...this.#clears].map((clear) => clear.ended));
  }

  /** Whether the name of each written key is needed. */
  get #wantsNames(): boolean {
    return this.#database.caches.wantKeys || this.#clears.size > 0;
  }

  /**
   * Reports the write of a key, which was just sent or is about to be. `name`: the read cache's name of the key.
   * `isPut`: see `ReadCache.invalidate`.
   */
  #noteWritten(shard: number, name: string, isPut: boolean): FillTicket | undefined {
    for (const clear of this.#clears) {
      clear.spare(name);
    }
    const { caches, holds } = this.#database;
    return caches.noteWritten(shard, name, holds.size > 0, isPut);
  }
}
