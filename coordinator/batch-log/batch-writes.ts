/**
 * Sends batches and bulk loads to the shards. What concerns one shard is atomic by itself; everything else goes through
 * the batch log. As long as the log cannot be written, nothing may be written at all.
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
  /** Assigns a sequence number, for a write that is sent to its shards in this same turn. */
  nextSequence(): number;
  /** The log is lost: nothing can be written until the database is opened again. */
  onReadOnly(error: FastKVError): void;
}

export class BatchWrites {
  readonly #clients: readonly ShardClient[];
  readonly #owner: BatchWritesOwner;
  #log: BatchLog | undefined;
  #known: KnownBatches;
  /** Bulk loads that are neither committed nor abandoned. A shard that restarts keeps their tables. */
  readonly #openLoads = new Set<string>();
  /** Set while nothing may be written because the batch log cannot be. */
  #refusal: FastKVError | undefined;

  /** `known`: the batches from the log of the last life; replaced by `start`. */
  constructor(clients: readonly ShardClient[], known: KnownBatches, owner: BatchWritesOwner) {
    this.#clients = clients;
    this.#known = known;
    this.#owner = owner;
  }

  /**
   * Starts this life's log. From now on it knows all batches, and may remove the old files: every batch up to
   * `lastSequence` is on disk in every shard.
   */
  async start(
    environment: LogEnvironment,
    syncIntervalMs: number,
    lastSequence: number,
    oldFiles: readonly number[],
  ): Promise<void> {
    this.#log = await BatchLog.create(
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

  /** Number of batches that are not yet on disk in all their shards. */
  get unsettledBatches(): number {
    return this.#log?.unsettledBatches ?? 0;
  }

  /** Whether the log has no disk space or is lost, so that nothing may be written. */
  get hasOutage(): boolean {
    return this.#refusal !== undefined;
  }

  /** Throws while there is an outage. */
  checkWritable(): void {
    if (this.#refusal !== undefined) {
      throw this.#refusal;
    }
  }

  /**
   * `parts` are sections of operations with delta 0, by shard. If `wait` is false, nobody waits for the log or a shard.
   */
  write(parts: BatchPart[], sync: boolean, wait: boolean): Promise<void> {
    // Checked here again: a clear that reads its keys gets here later than it was called.
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
    // The log is faster than a busy shard: without this wait, a caller that awaits every batch would still overload the
    // shard.
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

  /** The load is committed or abandoned; a shard that starts later is told which. */
  endLoad(loadId: string): void {
    this.#openLoads.delete(loadId);
  }

  /** The bulk loads whose tables must stay, as hexadecimal ids. */
  keptLoads(): string[] {
    return [...this.#known.committedLoads(), ...this.#openLoads];
  }

  /**
   * Commits a bulk load: one logged batch whose parts tell every shard to add the load's tables. If it throws, nothing
   * was written; if it rejects, the commit may have been written.
   */
  commitLoad(loadId: Buffer): Promise<void> {
    this.checkWritable();
    for (const client of this.#clients) {
      // A commit is a few bytes and all other work is done, so it waits for what is in flight, however much that is.
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

  /** Requests a sync of the log soon, without waiting for its interval. */
  requestSync(): void {
    this.#log?.requestSync();
  }

  /** More of a shard's writes are on disk: drops what no shard needs from the log any more. */
  prune(): void {
    this.#log?.prune();
  }

  /** Frees the space of what is no longer needed. */
  async trim(): Promise<void> {
    await this.#log?.trim();
  }

  /** Resolves when all earlier calls have their outcome from the log. */
  async drain(): Promise<void> {
    await this.#log?.drain();
  }

  /**
   * After `drain`, for a log that has failed: tries once more. Rejects if acknowledged batches are still missing in it.
   */
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

  /** Refuses writes as long as the log cannot be written, or for good. */
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
