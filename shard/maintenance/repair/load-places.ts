import type { ByteString } from "../../../shared/bytes.js";
import { lostCommits, type Survey } from "./survey.js";

interface Extent {
  smallest: ByteString;
  largest: ByteString;
}

/**
 * Where the tables of bulk loads belong among the other writes if no manifest and no `.load` file says so. Each table
 * gets the sequence number of a commit that has lost its tables. Both tables and commits come in about the order of the
 * loads.
 */
export class LoadPlaces {
  /** Only one committed load can be missing in the manifest, so its place is no guess. */
  readonly areSure: boolean;
  /** No commit has lost its tables: an unknown table belongs to a load that was still running. */
  readonly areNone: boolean;
  readonly #lost: readonly number[];
  readonly #logged: ReadonlySet<number>;
  readonly #taken: (Extent & { sequence: number })[] = [];

  constructor(survey: Survey, logged: ReadonlySet<number>) {
    this.#lost = lostCommits(survey)
      .map(([sequence]) => sequence)
      .sort((a, b) => a - b);
    this.#logged = logged;
    const isWhole = survey.manifest.state !== undefined && !survey.isWalBad;
    this.areSure = isWhole && this.#lost.length === 1;
    this.areNone = survey.manifest.state !== undefined && this.#lost.length === 0;
  }

  /**
   * Returns the place of a table. `highest`: the highest sequence number in tables with lower file numbers. Tables at
   * one place are disjoint.
   */
  take(table: Extent, highest: number): number {
    const isFree = (sequence: number): boolean =>
      !this.#taken.some(
        (one) => one.sequence === sequence && one.smallest <= table.largest && table.smallest <= one.largest,
      );
    const commit = this.#lost.find((one) => one >= highest && isFree(one));
    const sequence = commit ?? this.#firstUnlogged(highest + 1);
    this.#taken.push({ sequence, smallest: table.smallest, largest: table.largest });
    return sequence;
  }

  /** Skips numbers of logged batches: writes with these would be compared with the batch log. */
  #firstUnlogged(from: number): number {
    let sequence = from;
    while (this.#logged.has(sequence)) {
      sequence += 1;
    }
    return sequence;
  }
}
