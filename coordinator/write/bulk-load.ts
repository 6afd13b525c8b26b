/**
 * Bulk load: entries go to the shards outside the stream of writes and are written there as sorted tables. One record
 * in the batch log makes them all visible at once. A load that fails or is aborted leaves nothing behind.
 */

import { randomBytes } from "node:crypto";
import { FastKVError, restated } from "../../shared/errors.js";
import { OperationSection, operationKind } from "../../shared/format/operations.js";
import type { ShardRequest } from "../../shared/wire/messages.js";
import { appendEntry } from "../encoding/append-entry.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";

/** Progress of a bulk load. */
export interface BulkLoadProgress {
  phase: "reading" | "sorting" | "done";
  /** Entries taken from the source so far. */
  entries: number;
  /** Bytes of their keys and encoded values, so far. */
  bytes: number;
}

export interface BulkLoadResult {
  /** Entries taken from the source. */
  entries: number;
  /** Number of distinct keys among them. */
  keys: number;
  bytes: number;
}

export interface BulkLoadHost {
  readonly shardCount: number;
  request(
    shard: number,
    request: ShardRequest,
    options: { raw?: Buffer; isRepeatable: boolean },
  ): Promise<{ meta: unknown; raw: Buffer }>;
  /** Between `begin` and `end`, a shard that restarts keeps the finished tables of the load. */
  begin(loadId: string): void;
  end(loadId: string): void;
  /** What must end before the load may become visible; undefined if nothing must. */
  obstacle(): Promise<unknown> | undefined;
  /**
   * Makes the load part of the database. Resolves when that is durable. If it throws synchronously, the load is still
   * uncommitted.
   */
  commit(loadId: Buffer): Promise<void>;
}

const chunkBytes = 256 * 1024;
const maxChunksUnderWay = 4;
const progressEveryEntries = 8192;

/** The chunks of one shard: one is filled while others are in flight. */
class ShardStream {
  section = new OperationSection(chunkBytes + 4096);
  entries = 0;
  readonly underWay = new Set<Promise<unknown>>();
}

export class BulkLoad {
  readonly #host: BulkLoadHost;
  readonly #id = randomBytes(16);
  readonly #loadId = this.#id.toString("hex");
  readonly #streams: ShardStream[];
  readonly #onProgress: ((progress: BulkLoadProgress) => void) | undefined;
  #entries = 0;
  #bytes = 0;
  #failure: { error: unknown } | undefined;
  #isCommitted = false;
  /** Rejects the current wait. */
  #rejectWait: (error: unknown) => void = () => undefined;

  constructor(
    host: BulkLoadHost,
    options: { onProgress?: ((progress: BulkLoadProgress) => void) | undefined },
  ) {
    this.#host = host;
    this.#onProgress = options.onProgress;
    this.#streams = Array.from({ length: host.shardCount }, () => new ShardStream());
  }

  get isStopped(): boolean {
    return this.#failure !== undefined;
  }

  /** Ends the load with this error, unless its commit has started. */
  stop(error: unknown): void {
    if (!this.#isCommitted) {
      this.#failure ??= { error };
      this.#rejectWait(this.#failure.error);
    }
  }

  /**
   * Runs the load. `pull` adds entries with `add` until a shard's chunk is full, and returns true at the end of the
   * source. It may be asynchronous.
   */
  async run(pull: () => boolean | Promise<boolean>): Promise<BulkLoadResult> {
    this.#host.begin(this.#loadId);
    try {
      await this.#toAll({ type: "load-begin", loadId: this.#loadId });
      let isLast = false;
      while (!isLast) {
        this.#check();
        const pulled = pull();
        isLast = typeof pulled === "boolean" ? pulled : await this.#unlessStopped(pulled);
        this.#check();
        await this.#sendFull(isLast);
      }
      return await this.#finish();
    } catch (error) {
      await this.#giveUp();
      throw this.#isCommitted ? error : notApplied(error);
    } finally {
      this.#host.end(this.#loadId);
    }
  }

  /** Adds the encoder's entry. Returns true when a chunk is full: stop pulling. */
  add(entry: EntryEncoder): boolean {
    const stream = this.#streams[entry.shard]!;
    // Entries of a chunk have increasing sequence numbers, so that the last entry of a key wins.
    appendEntry(stream.section, operationKind.put, entry, stream.entries);
    stream.entries += 1;
    this.#entries += 1;
    this.#bytes += entry.keyBytes + entry.value.length;
    if (this.#entries % progressEveryEntries === 0) {
      this.#report("reading");
    }
    return stream.section.length >= chunkBytes;
  }

  #report(phase: BulkLoadProgress["phase"]): void {
    this.#onProgress?.({ phase, entries: this.#entries, bytes: this.#bytes });
  }

  /**
   * Waits, but not longer than until the load is stopped: a slow source does not delay the stop. (Racing against one
   * promise for the whole load would keep each wait in memory.)
   */
  async #unlessStopped<T>(wait: Promise<T>): Promise<T> {
    const result = await new Promise<T>((resolve, reject) => {
      this.#rejectWait = reject;
      wait.then(resolve, reject);
      if (this.#failure !== undefined) {
        reject(this.#failure.error);
      }
    });
    this.#check();
    return result;
  }

  #check(): void {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
  }

  async #sendFull(isLast: boolean): Promise<void> {
    for (const [shard, stream] of this.#streams.entries()) {
      if (stream.entries > 0 && (isLast || stream.section.length >= chunkBytes)) {
        this.#send(shard, stream);
        while (stream.underWay.size >= maxChunksUnderWay) {
          await this.#unlessStopped(Promise.race(stream.underWay));
        }
      }
    }
  }

  #send(shard: number, stream: ShardStream): void {
    const request: ShardRequest = { type: "load-data", loadId: this.#loadId, entries: stream.entries };
    const sent: Promise<unknown> = this.#host
      .request(shard, request, { raw: stream.section.bytes(), isRepeatable: false })
      .catch((error: unknown) => this.stop(error))
      .finally(() => stream.underWay.delete(sent));
    stream.underWay.add(sent);
    // The frame holds a copy, so the buffer can be filled again.
    stream.section.length = 0;
    stream.entries = 0;
  }

  async #finish(): Promise<BulkLoadResult> {
    await Promise.all(this.#streams.flatMap((stream) => [...stream.underWay]));
    this.#check();
    this.#report("sorting");
    const replies = await this.#toAll({ type: "load-finish", loadId: this.#loadId });
    this.#check();
    const keys = replies.reduce((sum, { meta }) => sum + (meta as { keys: number }).keys, 0);
    for (let wait = this.#host.obstacle(); wait !== undefined; wait = this.#host.obstacle()) {
      await this.#unlessStopped(wait);
    }
    const committed = this.#host.commit(this.#id);
    this.#isCommitted = true;
    await committed;
    this.#report("done");
    return { entries: this.#entries, keys, bytes: this.#bytes };
  }

  /** Settles when every shard has answered: a load must not be abandoned in a shard that still works on it. */
  async #toAll(request: ShardRequest): Promise<{ meta: unknown; raw: Buffer }[]> {
    const replies = this.#streams.map((_, shard) =>
      this.#host.request(shard, request, { isRepeatable: false }),
    );
    await Promise.allSettled(replies);
    return Promise.all(replies);
  }

  async #giveUp(): Promise<void> {
    if (this.#isCommitted) {
      // The commit record may be in the log, and then the tables are needed.
      return;
    }
    this.#host.end(this.#loadId);
    await Promise.allSettled(this.#streams.flatMap((stream) => [...stream.underWay]));
    // A shard that is down forgets the load when it restarts.
    await this.#toAll({ type: "load-abandon", loadId: this.#loadId }).catch(() => undefined);
  }
}

/** Before its commit nothing of a load is visible, even if an error about a file says otherwise. */
function notApplied(error: unknown): unknown {
  return error instanceof FastKVError ? restated(error, { writeOutcome: "not-applied" }) : error;
}
