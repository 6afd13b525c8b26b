/**
 * Commits of bulk loads. A commit has a place in the stream of writes, and from that place on the load's tables are in
 * force. They enter the manifest once the batch log's record of the commit is on disk.
 */

import { corruption } from "../../../shared/errors.js";
import { loadCommitRetryMs } from "../options.js";
import { asLoaded, type Tree } from "../version/tree.js";
import type { LiveTable } from "../version/version.js";
import type { Loads, ReadyLoad } from "./loads.js";

export interface LoadCommitsOwner {
  /** Resolves when the batch log is on disk up to this sequence number. */
  logSynced(sequence: number): Promise<void>;
  /** True once the engine ends: what still waits is given up, and is recovered at the next start. */
  isEnding(): boolean;
  onWritten(): void;
  onBackgroundError(error: unknown): void;
  setTimer(call: () => void, delayMs: number): () => void;
}

export class LoadCommits {
  readonly #tree: Tree;
  readonly #loads: Loads;
  readonly #owner: LoadCommitsOwner;
  /** Commits that were in the manifest at the start: when one is applied again, nothing is left to do. */
  readonly #alreadyWritten: ReadonlySet<number>;
  /** Commits in force but not yet in the manifest, by sequence number. */
  readonly #unwritten = new Map<number, Promise<void>>();
  /** Ids of the loads in force: their files are needed until the manifest has their tables. */
  readonly #idsInForce = new Set<string>();
  /** Why the manifest cannot take a commit now. */
  #error: unknown;
  /** Rejects the calls of `writtenAtOnce` that do not wait until the disk has room. */
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

  /** Puts the load with this id in force immediately. Throws `FASTKV_CORRUPTION` if its tables are missing. */
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

  /** Resolves when all commits up to `upTo` are in the manifest. Rejects if the engine ends first. */
  async written(upTo = Number.POSITIVE_INFINITY): Promise<void> {
    await Promise.all(
      [...this.#unwritten].filter(([sequence]) => sequence <= upTo).map(([, written]) => written),
    );
  }

  /** Resolves when all commits are in the manifest. Rejects as soon as one cannot be written there. */
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
        // The commit was promised, so it is tried again until the disk has room.
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
