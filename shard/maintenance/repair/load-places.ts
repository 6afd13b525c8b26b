import type { ByteString } from "../../../shared/bytes.js";
import { lostCommits, type Survey } from "./survey.js";

interface Extent {
  smallest: ByteString;
  largest: ByteString;
}

/**
 * Where the tables of bulk loads belong among the other writes, where no manifest and no `.load` file says it: each gets
 * the sequence number of a commit that has lost its tables. Tables and commits both come in about the order of the loads.
 */
export class LoadPlaces {
  /** A committed load is the only thing that can be missing in the manifest: its place is no guess. */
  readonly areSure: boolean;
  /** Nothing was lost: a table that nobody knows is of a load that was under way. */
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

  /** `highest`: of all that stands in tables with lower numbers. Tables of one place are disjoint. */
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

  /** What belongs to a batch would be held against what the batch log has of it. */
  #firstUnlogged(from: number): number {
    let sequence = from;
    while (this.#logged.has(sequence)) {
      sequence += 1;
    }
    return sequence;
  }
}
