/**
 * Commits of bulk loads: a commit stands in the stream of writes, and from its place on the load's tables are in
 * force. They go into the manifest when the batch log's record of the commit is on disk.
 */

import { corruption } from "../../shared/errors.js";
import type { Loads, ReadyLoad } from "./loads.js";
import { loadCommitRetryMs } from "./options.js";
import { asLoaded, type Tree } from "./tree.js";
import type { LiveTable } from "./version/version.js";

export interface LoadCommitsOwner {
  /** Resolves when the batch log is on disk up to here. */
  logSynced(sequence: number): Promise<void>;
  /** True once the engine ends: what still waits is given up, and recovered at the next start. */
  isEnding(): boolean;
  onWritten(): void;
  onBackgroundError(error: unknown): void;
  setTimer(call: () => void, delayMs: number): () => void;
}

export class LoadCommits {
  readonly #tree: Tree;
  readonly #loads: Loads;
  readonly #owner: LoadCommitsOwner;
  /** Commits that the manifest had at the start: one that comes again finds its work done. */
  readonly #alreadyWritten: ReadonlySet<number>;
  /** In force but not yet in the manifest, by sequence number. */
  readonly #unwritten = new Map<number, Promise<void>>();
  /** Their ids: their files are needed until the manifest has them. */
  readonly #idsInForce = new Set<string>();
  /** Why the manifest cannot take one now. */
  #error: unknown;
  /** Who does not wait for room. */
  readonly #impatient = new Set<(error: unknown) => void>();

  constructor(tree: Tree, loads: Loads, alreadyWritten: readonly number[], owner: LoadCommitsOwner) {
    this.#tree = tree;
    this.#loads = loads;
    this.#alreadyWritten = new Set(alreadyWritten);
    this.#owner = owner;
  }

  isInForce(id: string): boolean {
    return this.#idsInForce.has(id);
  }

  /** Sequence numbers of commits that are not yet in the manifest. */
  unwrittenSequences(): Iterable<number> {
    return this.#unwritten.keys();
  }

  /** Puts the load with this id in force, at once. Throws `FASTKV_CORRUPTION` where its tables are missing. */
  apply(id: string, sequence: number): void {
    if (this.#alreadyWritten.has(sequence)) {
      return;
    }
    const load = this.#loads.readyLoad(id);
    if (load === undefined) {
      throw corruption(
        this.#loads.folder,
        undefined,
        `the tables of the committed bulk load ${id} are missing`,
      );
    }
    const tables = load.tables.map((table) => asLoaded(table, sequence));
    this.#tree.install(tables);
    this.#idsInForce.add(id);
    const written = this.#write(load, sequence, tables).finally(() => {
      this.#unwritten.delete(sequence);
      this.#owner.onWritten();
    });
    written.catch(() => undefined);
    this.#unwritten.set(sequence, written);
  }

  /** Resolves when the commits up to here are in the manifest. Rejects where the engine ends before. */
  async written(upTo = Number.POSITIVE_INFINITY): Promise<void> {
    await Promise.all(
      [...this.#unwritten].filter(([sequence]) => sequence <= upTo).map(([, written]) => written),
    );
  }

  /** Resolves when all commits are in the manifest. Rejects where one cannot be put there now. */
  async writtenAtOnce(): Promise<void> {
    if (this.#error !== undefined) {
      throw this.#error;
    }
    let onFailure: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      onFailure = reject;
      this.#impatient.add(reject);
    });
    await Promise.race([this.written(), failed]).finally(() => this.#impatient.delete(onFailure));
  }

  async #write(load: ReadyLoad, sequence: number, tables: LiveTable[]): Promise<void> {
    await this.#owner.logSynced(sequence);
    const addedTables = tables.map((table) => ({ level: 0, table }));
    for (;;) {
      try {
        await this.#tree.change({ addedTables, ingested: [sequence] }, true);
        this.#error = undefined;
        break;
      } catch (error) {
        this.#error = error;
        for (const fail of this.#impatient) {
          fail(error);
        }
        if (this.#owner.isEnding()) {
          throw error;
        }
        // It was promised, and only waits for room on the disk.
        this.#owner.onBackgroundError(error);
        await new Promise<void>((resolve) => this.#owner.setTimer(resolve, loadCommitRetryMs));
      }
    }
    try {
      this.#loads.forget(load.id);
    } catch (error) {
      // A later start removes the file.
      this.#owner.onBackgroundError(error);
    }
  }
}
