/**
 * Batches and bulk loads on their way to the shards. What touches one shard is atomic by itself; all else goes through the
 * batch log, and for as long as that cannot be written nothing may be written at all.
 */

import type { FastKVError } from "../../shared/errors.js";
import { markLogged, OperationSection, operationKind } from "../../shared/format/operations.js";
import type { ShardClient } from "../shards/shard-client.js";
import { BatchLog } from "./batch-log.js";
import type { KnownBatches } from "./known-batches.js";
import type { BatchPart } from "./log-format.js";
import type { LogEnvironment } from "./start-file.js";

export interface BatchWritesOwner {
  nowMs(): number;
  /** A fresh sequence number, for a write that is handed to its shards in this very turn. */
  nextSequence(): number;
  /** The log is lost: nothing can be written until the database is opened again. */
  onReadOnly(error: FastKVError): void;
}

export class BatchWrites {
  readonly #clients: readonly ShardClient[];
  readonly #owner: BatchWritesOwner;
  #log: BatchLog | undefined;
  #known: KnownBatches;
  /** Bulk loads that are neither committed nor given up: a shard that restarts keeps what it has of them. */
  readonly #openLoads = new Set<string>();
  /** Why nothing may be written: the batch log cannot be. */
  #refusal: FastKVError | undefined;

  /** `known`: from the log of the last life, which counts until `start`. */
  constructor(clients: readonly ShardClient[], known: KnownBatches, owner: BatchWritesOwner) {
    this.#clients = clients;
    this.#known = known;
    this.#owner = owner;
  }

  /**
   * From now on this life's log knows of all batches, which are on disk in every shard up to `lastSequence`, and may remove
   * the old files.
   */
  start(
    environment: LogEnvironment,
    syncIntervalMs: number,
    lastSequence: number,
    oldFiles: readonly number[],
  ): void {
    this.#log = BatchLog.create(
      environment,
      syncIntervalMs,
      {
        nowMs: () => this.#owner.nowMs(),
        onProgress: () => this.#noteProgress(),
        isDurable: (shard, sequence) => this.#clients[shard]!.syncedSequence >= sequence,
        onReadOnly: (refusal, ofWaiting) => {
          this.#refuseWrites(refusal, ofWaiting);
          this.#owner.onReadOnly(refusal);
        },
        onNoRoom: (refusal, ofWaiting) => this.#refuseWrites(refusal, ofWaiting),
        onRoom: () => {
          this.#refusal = undefined;
          this.#tellOutage();
        },
        setTimer: (call, delayMs) => {
          const timer = setTimeout(call, delayMs);
          return () => clearTimeout(timer);
        },
      },
      lastSequence,
      oldFiles,
    );
    this.#known = this.#log;
    this.#noteProgress();
  }

  get known(): KnownBatches {
    return this.#known;
  }

  get logBytes(): number {
    return this.#log?.sizeBytes ?? 0;
  }

  /** Batches that are not yet on disk in all of their shards. */
  get unsettledBatches(): number {
    return this.#log?.unsettledBatches ?? 0;
  }

  /** The log has no room, or is lost: nothing may be written. */
  get hasOutage(): boolean {
    return this.#refusal !== undefined;
  }

  /** Throws while there is an outage. */
  checkWritable(): void {
    if (this.#refusal !== undefined) {
      throw this.#refusal;
    }
  }

  /** `parts`: sections of operations with delta 0, by shard. `wait` false: nobody waits for the log or a shard. */
  write(parts: BatchPart[], sync: boolean, wait: boolean): Promise<void> {
    // A clear that reads its keys comes here later than it was called.
    this.checkWritable();
    for (const { shard } of parts) {
      this.#clients[shard]!.checkAvailable();
    }
    const mustWait =
      wait || parts.some(({ shard, section }) => this.#clients[shard]!.isCongested(section.length));
    return parts.length === 1
      ? this.#writeToOne(parts[0]!, sync, mustWait)
      : this.#writeToMany(parts, sync, mustWait);
  }

  #writeToOne({ shard, section }: BatchPart, sync: boolean, wait: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const sequence = this.#owner.nextSequence();
      const pending = wait ? { sequence, resolve, reject } : undefined;
      this.#clients[shard]!.writeBatch(section, sequence, false, sync, pending);
      if (!wait) {
        resolve();
      }
    });
  }

  #writeToMany(parts: BatchPart[], sync: boolean, wait: boolean): Promise<void> {
    const log = this.#log!;
    log.checkWritable();
    const sequence = this.#owner.nextSequence();
    for (const { section } of parts) {
      markLogged(section);
    }
    const logged = log.append({ sequence, parts }, sync);
    for (const { shard, section } of parts) {
      this.#clients[shard]!.writeBatch(section, sequence, true, sync);
    }
    if (!wait) {
      logged.catch(() => undefined);
      return Promise.resolve();
    }
    // The log is faster than a shard that is busy: without this, who awaits every batch would still run ahead of it.
    const congested = parts
      .map(({ shard }) => this.#clients[shard]!)
      .filter((client) => client.isCongested());
    return congested.length === 0
      ? logged
      : Promise.all([logged, ...congested.map((client) => client.taken(sequence))]).then(() => undefined);
  }

  beginLoad(loadId: string): void {
    this.#openLoads.add(loadId);
  }

  /** It is committed or given up: a shard that starts from now on is told which. */
  endLoad(loadId: string): void {
    this.#openLoads.delete(loadId);
  }

  /** The bulk loads whose tables must stay, as hexadecimal. */
  keptLoads(): string[] {
    return [...this.#known.committedLoads(), ...this.#openLoads];
  }

  /**
   * The commit of a bulk load: one logged batch whose parts tell every shard to take the load's tables. Where it
   * throws, nothing was written; where it rejects, it may have been.
   */
  commitLoad(loadId: Buffer): Promise<void> {
    this.checkWritable();
    for (const client of this.#clients) {
      // A commit is a few bytes, and all the work is done: it waits behind what is on its way, however much that is.
      client.checkServing();
    }
    const log = this.#log!;
    log.checkWritable();
    const sequence = this.#owner.nextSequence();
    const section = new OperationSection(64);
    const { ingest } = operationKind;
    section.append(
      { kind: ingest, tag: 0, expiresAt: 0, logged: true, key: Buffer.alloc(0), value: loadId },
      0,
    );
    const parts = this.#clients.map(({ index }) => ({ shard: index, section: section.bytes() }));
    const logged = log.append({ sequence, parts }, true);
    for (const client of this.#clients) {
      client.writeSeal(section.bytes(), sequence);
    }
    return logged;
  }

  /** Has the log synced soon, not only after its interval. */
  requestSync(): void {
    this.#log?.requestSync();
  }

  /** More of some shard's writes are on disk: what no shard needs any more of the log may go. */
  prune(): void {
    this.#log?.prune();
  }

  /** Gives back the space of what is not needed any more. */
  async trim(): Promise<void> {
    await this.#log?.trim();
  }

  /** Resolves when all that was called has its outcome from the log. */
  async drain(): Promise<void> {
    await this.#log?.drain();
  }

  /** Behind `drain`, for a log that has failed: tries once more. Rejects where it still lacks batches that were acknowledged. */
  async rescue(): Promise<void> {
    try {
      await this.#log?.rescue();
    } finally {
      this.#noteProgress();
    }
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  #noteProgress(): void {
    for (const client of this.#clients) {
      client.noteLogProgress();
    }
  }

  /** For as long as the log cannot be written; or for good. */
  #refuseWrites(refusal: FastKVError, ofWaiting: FastKVError): void {
    this.#refusal = refusal;
    for (const client of this.#clients) {
      client.failBehindLog(ofWaiting);
    }
    this.#tellOutage();
  }

  #tellOutage(): void {
    for (const client of this.#clients) {
      client.noteLogOutage();
    }
  }
}
