/** The compactions of a shard: which are due, those that run, and what they change in the tree. */

import { invariant } from "../../shared/errors.js";
import {
  type Compaction,
  chooseCompaction,
  chooseFullCompaction,
  compactionDebtBytes,
  type PickerInput,
  type PickerSettings,
  rangeDeleteIsNeeded,
} from "./compaction/picker.js";
import { mostTables } from "./compaction/table-output.js";
import type { Holds } from "./holds.js";
import type { EngineOptions } from "./options.js";
import type { RetryPause } from "./retry-pause.js";
import { asLive, type Tree } from "./tree.js";
import { type LiveTable, levelCount } from "./version/version.js";

export interface CompactorOwner {
  /** The lowest sequence number that is not in tables of the manifest, or infinity. */
  oldestUnflushedSequence(): number;
  /** The tree has changed: a stall may be over. */
  onProgress(): void;
}

export class CompactionStatistics {
  compactions = 0;
  bytesWritten = 0;
}

export class Compactor {
  readonly statistics = new CompactionStatistics();
  readonly #tree: Tree;
  readonly #options: EngineOptions;
  readonly #holds: Holds;
  readonly #pause: RetryPause;
  readonly #owner: CompactorOwner;
  readonly #settings: PickerSettings;
  readonly #busyLevels = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  #isStarted = false;
  #isStopped = false;

  constructor(tree: Tree, options: EngineOptions, holds: Holds, pause: RetryPause, owner: CompactorOwner) {
    this.#tree = tree;
    this.#options = options;
    this.#holds = holds;
    this.#pause = pause;
    this.#owner = owner;
    this.#settings = {
      levelZeroTrigger: options.levelZeroCompactionTrigger,
      levelOneTargetBytes: options.levelOneTargetBytes,
    };
  }

  get debtBytes(): number {
    return compactionDebtBytes(this.#tree.version, this.#settings);
  }

  /** Versions may be dropped from now on: the coordinator has told what is held. */
  start(): void {
    this.#isStarted = true;
    this.schedule();
  }

  /** Starts what is due. Called after every change of the tree, and when holds are given back. */
  schedule(): void {
    if (!this.#isStarted || this.#isStopped || this.#pause.isOn) {
      return;
    }
    while (this.#running.size < this.#options.compactionParallelism) {
      const chosen = chooseCompaction(this.#pickerInput());
      if (chosen === undefined) {
        return;
      }
      void this.#run(chosen);
    }
  }

  /** Compacts everything into one level; resolves when nothing is left to do. */
  async compactAll(): Promise<void> {
    for (;;) {
      await this.idle();
      const chosen = chooseFullCompaction(this.#pickerInput());
      if (chosen === undefined || this.#isStopped) {
        return;
      }
      await this.#run(chosen);
      if (this.#pause.error !== undefined) {
        throw this.#pause.error;
      }
      const next = chooseFullCompaction(this.#pickerInput());
      if (
        next !== undefined &&
        "fromLevel" in next &&
        "toLevel" in chosen &&
        next.fromLevel === chosen.toLevel
      ) {
        // What is left (deletes that a snapshot still needs) would be left again.
        return;
      }
    }
  }

  /** Resolves when no compaction runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all(this.#running);
    }
  }

  /** Nothing new is started from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  #pickerInput(): PickerInput {
    const { version } = this.#tree;
    return {
      version,
      settings: this.#settings,
      busyLevels: this.#busyLevels,
      oldestUnflushedSequence: this.#owner.oldestUnflushedSequence(),
      rangeDeletes: this.#tree.lastingRangeDeletes(),
      holds: this.#holds.view(),
    };
  }

  #run(compaction: Compaction): Promise<void> {
    const levels =
      compaction.kind === "drop"
        ? this.#levelsOf(compaction.tables)
        : range(compaction.fromLevel, compaction.toLevel);
    for (const level of levels) {
      this.#busyLevels.add(level);
    }
    const work: Promise<void> = this.#perform(compaction)
      .then(
        () => this.#pause.succeeded(),
        (error: unknown) => this.#pause.failed(error),
      )
      .finally(() => {
        for (const level of levels) {
          this.#busyLevels.delete(level);
        }
        this.#running.delete(work);
        this.#owner.onProgress();
      });
    this.#running.add(work);
    return work;
  }

  #levelsOf(tables: readonly LiveTable[]): number[] {
    return this.#tree.version.levels.flatMap((level, index) =>
      level.some((table) => tables.includes(table)) ? [index] : [],
    );
  }

  async #perform(compaction: Compaction): Promise<void> {
    const tree = this.#tree;
    const removed = compaction.tables;
    const removedTables = removed.map((table) => table.fileNumber);
    if (compaction.kind === "drop") {
      await tree.change({ removedTables });
      tree.removeFiles(removed);
    } else if (compaction.kind === "move") {
      const addedTables = removed.map((table) => ({ level: compaction.toLevel, table }));
      await tree.change({ removedTables, addedTables });
    } else {
      await this.#merge(compaction.tables, compaction.toLevel);
    }
    await this.#forgetRangeDeletes();
  }

  async #merge(inputs: LiveTable[], toLevel: number): Promise<void> {
    const tree = this.#tree;
    const { targetTableBytes } = this.#options;
    const fileNumbers = tree.takeFileNumbers(mostTables(inputs, targetTableBytes));
    const survival = tree.survival(toLevel);
    const result = await tree.run({
      kind: "merge",
      inputs: inputs.map(({ fileNumber, sequenceOverride }) => ({ fileNumber, sequenceOverride })),
      survival,
      output: tree.outputSettings(fileNumbers, targetTableBytes, false),
    });
    await tree.changeFor(result, {
      removedTables: inputs.map((table) => table.fileNumber),
      addedTables: result.tables.map((table) => ({ level: toLevel, table: asLive(table, survival) })),
    });
    const overlap = tree.version.findOverlap();
    invariant(overlap === undefined, `a compaction keeps levels disjoint: ${overlap}`);
    const { statistics } = this;
    statistics.compactions += 1;
    statistics.bytesWritten += result.tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    tree.removeFiles(inputs);
  }

  /** Range deletes that hide nothing any more go. */
  async #forgetRangeDeletes(): Promise<void> {
    const tree = this.#tree;
    if (tree.rangeDeletes.length === 0) {
      return;
    }
    const oldest = this.#owner.oldestUnflushedSequence();
    const outdated = tree
      .lastingRangeDeletes()
      .filter((range) => !rangeDeleteIsNeeded(range, tree.version, oldest));
    if (outdated.length > 0) {
      await tree.forgetRangeDeletes(outdated.map((range) => range.sequence));
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.min(to, levelCount - 1) - from + 1 }, (_, at) => from + at);
}
