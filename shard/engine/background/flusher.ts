/** Flushes sealed memtables to tables of level 0: one at a time, the oldest first. */

import type { FileSystem } from "../../../shared/storage/file-system.js";
import { listFiles } from "../files/file-names.js";
import type { JobResult } from "../jobs/job.js";
import type { Memtable } from "../memtable/memtable.js";
import type { RangeDelete } from "../read-path/range-delete.js";
import { asLive, type Tree } from "../version/tree.js";
import type { Memtables } from "../write-path/memtables.js";
import type { RetryPause } from "./retry-pause.js";

export interface FlusherOwner {
  /** False until the coordinator has reported what is held, and again once the engine ends. */
  mayFlush(): boolean;
  /** Resolves when the memtable's data may become durable in tables, that is, when the batch log vouches for it. */
  mayBecomeDurable(memtable: Memtable): Promise<void>;
  /** The memtable is in tables, and the manifest says so. */
  onFlushed(memtable: Memtable): void;
  onProgress(): void;
}

export class Flusher {
  flushes = 0;
  flushedBytes = 0;
  /** True while the oldest memtable's data may not become durable yet. */
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

  /** Starts the next flush, if there is one and none is running. */
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

  /** Flushes everything that is sealed now, not what is sealed meanwhile. Rejects if that is not possible. */
  async flushAll(): Promise<void> {
    const { sealed } = this.#memtables;
    const newest = sealed.at(-1);
    while (newest !== undefined && sealed.includes(newest)) {
      this.schedule();
      if (this.#flushing === undefined) {
        throw this.#pause.obstacle;
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
    // One table, whatever its size: level 0 is counted by its depth.
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
