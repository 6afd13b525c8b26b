/** How sealed memtables become tables of level 0: one after the other, the oldest first. */

import { FastKVError } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { JobResult } from "./jobs/job.js";
import type { Memtable } from "./memtable/memtable.js";
import type { Memtables } from "./memtables.js";
import type { RangeDelete } from "./range-delete.js";
import { listFiles } from "./recovery.js";
import type { RetryPause } from "./retry-pause.js";
import { asLive, type Tree } from "./tree.js";

export interface FlusherOwner {
  /** False before the coordinator has told what is held, and when the engine ends. */
  mayFlush(): boolean;
  /** Resolves when the memtable's data may become durable in tables: the batch log vouches for it. */
  mayBecomeDurable(memtable: Memtable): Promise<void>;
  /** The memtable is in tables, and the manifest says so. */
  onFlushed(memtable: Memtable): void;
  onProgress(): void;
}

export class Flusher {
  flushes = 0;
  flushedBytes = 0;
  /** The oldest memtable's data may not become durable yet. */
  isWaiting = false;

  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #memtables: Memtables;
  readonly #tree: Tree;
  readonly #pause: RetryPause;
  readonly #owner: FlusherOwner;
  #flushing: Promise<void> | undefined;

  constructor(
    environment: { fileSystem: FileSystem; folder: string },
    memtables: Memtables,
    tree: Tree,
    pause: RetryPause,
    owner: FlusherOwner,
  ) {
    this.#pause = pause;
    this.#fileSystem = environment.fileSystem;
    this.#folder = environment.folder;
    this.#memtables = memtables;
    this.#tree = tree;
    this.#owner = owner;
  }

  /** Starts the next flush where there is one and none is under way. */
  schedule(): void {
    const isUnable = !this.#owner.mayFlush() || this.#pause.isOn;
    const oldest = this.#memtables.sealed[0];
    if (isUnable || this.#flushing !== undefined || oldest === undefined) {
      return;
    }
    this.#flushing = this.#flush(oldest)
      .then(
        () => this.#pause.succeeded(),
        (error: unknown) => this.#pause.failed(error),
      )
      .finally(() => {
        this.#flushing = undefined;
        this.#owner.onProgress();
      });
  }

  /** Flushes everything that is sealed. Rejects where that is not possible now. */
  async flushAll(): Promise<void> {
    while (this.#memtables.sealed.length > 0) {
      this.schedule();
      if (this.#flushing === undefined) {
        throw (
          this.#pause.error ??
          new FastKVError("FASTKV_IO", "The shard is closing and cannot flush. Open the database again.")
        );
      }
      await this.#flushing;
    }
  }

  async settle(): Promise<void> {
    await this.#flushing;
  }

  #rangeDeletesOf(memtable: Memtable): RangeDelete[] {
    return this.#tree.rangeDeletes.filter(
      (range) => range.sequence >= memtable.minSequence && range.sequence <= memtable.maxSequence,
    );
  }

  async #flush(memtable: Memtable): Promise<void> {
    this.isWaiting = true;
    await this.#owner.mayBecomeDurable(memtable).finally(() => {
      this.isWaiting = false;
    });
    const tree = this.#tree;
    const addedRangeDeletes = this.#rangeDeletesOf(memtable);
    const survival = tree.survival(0, memtable.maxSequence);
    // One table, whatever its size: tables of level 0 count by their depth.
    const output = tree.outputSettings(tree.takeFileNumbers(1), Number.POSITIVE_INFINITY, false);
    const result: JobResult = memtable.isEmpty
      ? { tables: [], entriesRead: 0 }
      : await tree.run({ kind: "flush", arena: memtable.share(), survival, output });
    const { sealed, active } = this.#memtables;
    const { firstLogNumber: logNumber } = sealed[1] ?? active;
    await tree.changeFor(result, {
      addedTables: result.tables.map((table) => ({ level: 0, table: asLive(table, survival) })),
      logNumber,
      flushedSequence: memtable.maxSequence,
      addedRangeDeletes,
    });
    sealed.shift();
    tree.noteWritten(addedRangeDeletes);
    this.flushes += 1;
    this.flushedBytes += result.tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    this.#owner.onFlushed(memtable);
    this.#removeLogsBelow(logNumber);
  }

  #removeLogsBelow(logNumber: number): void {
    for (const file of listFiles(this.#fileSystem, this.#folder)) {
      if (file.kind === "wal" && file.fileNumber < logNumber) {
        this.#tree.obsoleteFiles.remove(file.name);
      }
    }
  }
}
