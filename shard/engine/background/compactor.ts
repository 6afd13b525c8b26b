/** The compactions of a shard: chooses the ones that are due, runs them, and changes the tree accordingly. */

import { invariant } from "../../../shared/errors.js";
import {
  type Compaction,
  chooseCompaction,
  chooseFullCompaction,
  compactionDebtBytes,
  type PickerInput,
  type PickerSettings,
  rangeDeleteIsNeeded,
} from "../compaction/picker.js";
import { mostTables } from "../compaction/table-output.js";
import type { EngineOptions } from "../options.js";
import type { Holds } from "../read-path/holds.js";
import { asLive, type Tree } from "../version/tree.js";
import { type LiveTable, levelCount } from "../version/version.js";
import type { RetryPause } from "./retry-pause.js";

export interface CompactorOwner {
  /** The lowest sequence number that is not yet in tables of the manifest; infinity if there is none. */
  oldestUnflushedSequence(): number;
  /** The tree has changed, so a stall may be over. */
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
  /** Tables with lower numbers were written before this start, perhaps with other settings. */
  readonly #firstOwnFileNumber: number;
  readonly #busyLevels = new Set<number>();
  readonly #running = new Set<Promise<unknown>>();
  /** Full compactions that wait until no other compaction runs. Meanwhile no other one starts. */
  #waiting = 0;
  /** The removal of range deletes that is under way. */
  #forgetting: Promise<void> | undefined;
  #isStarted = false;
  #isStopped = false;

  constructor(tree: Tree, options: EngineOptions, holds: Holds, pause: RetryPause, owner: CompactorOwner) {
    this.#tree = tree;
    this.#options = options;
    this.#holds = holds;
    this.#pause = pause;
    this.#owner = owner;
    this.#firstOwnFileNumber = tree.nextFileNumber;
    this.#settings = {
      levelZeroTrigger: options.levelZeroCompactionTrigger,
      levelOneTargetBytes: options.levelOneTargetBytes,
    };
  }

  get debtBytes(): number {
    return compactionDebtBytes(this.#tree.version, this.#settings);
  }

  /** Allows dropping versions from now on: the coordinator has reported what is held. */
  start(): void {
    this.#isStarted = true;
    this.schedule();
  }

  /** Starts the compactions that are due. Called after every change of the tree, and when holds are released. */
  schedule(): void {
    if (!this.#isStarted || this.#isStopped || this.#pause.isOn || this.#waiting > 0) {
      return;
    }
    this.#forgetRangeDeletes();
    while (this.#running.size < this.#options.compactionParallelism) {
      const chosen = chooseCompaction(this.#pickerInput());
      if (chosen === undefined) {
        return;
      }
      void this.#run(chosen);
    }
  }

  /** Compacts all existing tables into one level, but not tables that are added meanwhile. */
  async compactAll(): Promise<void> {
    this.#waiting += 1;
    // Not `idle`, which ends a step before this goes on: of two that wait, both would go on at once.
    while (this.#running.size > 0) {
      await Promise.all(this.#running);
    }
    this.#waiting -= 1;
    const chosen = chooseFullCompaction(this.#pickerInput(), this.#firstOwnFileNumber);
    if (chosen === undefined || this.#isStopped) {
      this.schedule();
      await this.#forgetting;
      return;
    }
    // The removal of range deletes shares the pause, and its success must not hide this failure.
    const failure = await this.#run(chosen);
    await this.#forgetting;
    const error = failure ?? this.#pause.error;
    if (error !== undefined) {
      throw error;
    }
  }

  /** Resolves when no compaction runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0 || this.#forgetting !== undefined) {
      await Promise.all([...this.#running, this.#forgetting]);
    }
  }

  /** Starts nothing new from now on. */
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

  /** Resolves to what made it fail, or to undefined. */
  #run(compaction: Compaction): Promise<unknown> {
    const levels =
      compaction.kind === "drop"
        ? this.#levelsOf(compaction.tables)
        : range(compaction.fromLevel, compaction.toLevel);
    for (const level of levels) {
      this.#busyLevels.add(level);
    }
    const work: Promise<unknown> = this.#perform(compaction)
      .then(
        () => this.#pause.succeeded(),
        (error: unknown) => {
          this.#pause.failed(error);
          return this.#pause.error;
        },
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
  }

  async #merge(inputs: LiveTable[], toLevel: number): Promise<void> {
    const tree = this.#tree;
    const { targetTableBytes } = this.#options;
    const fileNumbers = tree.takeFileNumbers(mostTables(inputs, targetTableBytes));
    const survival = tree.survival(toLevel);
    const result = await tree.run({
      kind: "merge",
      inputs: inputs.map(({ fileNumber, sequenceOverride, smallest, largest }) => ({
        fileNumber,
        sequenceOverride,
        smallest,
        largest,
      })),
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

  /** Removes the range deletes that no longer hide anything. */
  #forgetRangeDeletes(): void {
    const tree = this.#tree;
    if (tree.rangeDeletes.length === 0 || this.#forgetting !== undefined) {
      return;
    }
    const oldest = this.#owner.oldestUnflushedSequence();
    const outdated = tree
      .lastingRangeDeletes()
      .filter((range) => !rangeDeleteIsNeeded(range, tree.version, oldest));
    if (outdated.length > 0) {
      this.#forgetting = tree
        .forgetRangeDeletes(outdated.map((range) => range.sequence))
        .then(
          () => this.#pause.succeeded(),
          (error: unknown) => this.#pause.failed(error),
        )
        .finally(() => {
          this.#forgetting = undefined;
          this.#owner.onProgress();
        });
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.min(to, levelCount - 1) - from + 1 }, (_, at) => from + at);
}
