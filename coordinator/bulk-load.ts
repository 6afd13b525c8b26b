/**
 * Bulk load: entries go to the shards beside the stream of writes, are written there as sorted tables, and become
 * visible all at once by one record in the batch log. A load that fails or is aborted leaves nothing behind.
 */

import { randomBytes } from "node:crypto";
import { FastKVError, restated } from "../shared/errors.js";
import { OperationSection, operationKind } from "../shared/format/operations.js";
import type { ShardRequest } from "../shared/wire/messages.js";
import { appendEntry } from "./batch.js";
import type { EntryEncoder } from "./entry-encoder.js";

/** How far a bulk load has come. */
export interface BulkLoadProgress {
  phase: "reading" | "sorting" | "done";
  /** Entries taken from the source so far. */
  entries: number;
  /** Bytes of their keys and encoded values. */
  bytes: number;
}

export interface BulkLoadResult {
  /** Entries taken from the source. */
  entries: number;
  /** Distinct keys among them. */
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
  /** Between these two a shard that restarts keeps what it has finished of the load. */
  begin(loadId: string): void;
  end(loadId: string): void;
  /** What has to end before the load may become visible; undefined where nothing has to. */
  obstacle(): Promise<unknown> | undefined;
  /** Makes the load part of the database; resolves when that is durable. Where it throws, the load is as before. */
  commit(loadId: Buffer): Promise<void>;
}

const chunkBytes = 256 * 1024;
const maxChunksUnderWay = 4;
const progressEveryEntries = 8192;

/** The chunks of one shard: one is filled while some are on their way. */
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
  /** Rejects when the load is stopped: a source that is awaited, however long, does not hold it up. */
  readonly #stopped: Promise<never>;
  #rejectStopped: (error: unknown) => void = () => undefined;

  constructor(
    host: BulkLoadHost,
    options: { onProgress?: ((progress: BulkLoadProgress) => void) | undefined },
  ) {
    this.#host = host;
    this.#onProgress = options.onProgress;
    this.#streams = Array.from({ length: host.shardCount }, () => new ShardStream());
    this.#stopped = new Promise((_, reject) => {
      this.#rejectStopped = reject;
    });
    this.#stopped.catch(() => undefined);
  }

  get isStopped(): boolean {
    return this.#failure !== undefined;
  }

  /** Has the load end with this error, unless its commit is on the way already. */
  stop(error: unknown): void {
    if (!this.#isCommitted) {
      this.#failure ??= { error };
      this.#rejectStopped(error);
    }
  }

  /**
   * Runs the load. `pull` fills in entries through `add` until a shard's chunk is full, and answers true at the end
   * of the source; it may be asynchronous.
   */
  async run(pull: () => boolean | Promise<boolean>): Promise<BulkLoadResult> {
    this.#host.begin(this.#loadId);
    try {
      await this.#toAll({ type: "load-begin", loadId: this.#loadId });
      let isLast = false;
      while (!isLast) {
        this.#check();
        const pulled = pull();
        isLast = typeof pulled === "boolean" ? pulled : await Promise.race([pulled, this.#stopped]);
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

  /** Takes the encoder's entry. True: a chunk is full, stop pulling. */
  add(entry: EntryEncoder): boolean {
    const stream = this.#streams[entry.shard]!;
    // Each entry has a sequence number of its own within the chunk, so that the last of a key wins.
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
          await Promise.race([...stream.underWay, this.#stopped]);
          this.#check();
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
    // The frame holds a copy: the buffer may be filled again.
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
      await Promise.race([wait, this.#stopped]);
      this.#check();
    }
    const committed = this.#host.commit(this.#id);
    this.#isCommitted = true;
    await committed;
    this.#report("done");
    return { entries: this.#entries, keys, bytes: this.#bytes };
  }

  /** Settles when every shard has answered: a load must not be given up in a shard that still works on it. */
  async #toAll(request: ShardRequest): Promise<{ meta: unknown; raw: Buffer }[]> {
    const replies = this.#streams.map((_, shard) =>
      this.#host.request(shard, request, { isRepeatable: false }),
    );
    await Promise.allSettled(replies);
    return Promise.all(replies);
  }

  async #giveUp(): Promise<void> {
    if (this.#isCommitted) {
      // Its record may be in the log: then the tables are needed.
      return;
    }
    this.#host.end(this.#loadId);
    await Promise.allSettled(this.#streams.flatMap((stream) => [...stream.underWay]));
    // A shard that is gone forgets the load when it starts again.
    await this.#toAll({ type: "load-abandon", loadId: this.#loadId }).catch(() => undefined);
  }
}

/** Nothing of a load is there before its commit, whatever an error says of the file that it concerns. */
function notApplied(error: unknown): unknown {
  return error instanceof FastKVError ? restated(error, { writeOutcome: "not-applied" }) : error;
}
