/** What the groups of the torture suite have in common: each is a seeded, bounded search for a broken promise. */

import type { Random } from "../support/random.js";
import type { Part } from "./arguments.js";

/** The public API of the build under test: the one of this repository, or a copy of it with a planted bug. */
export type Store = typeof import("../../coordinator/index.js");

/** What a group is given. */
export interface TortureContext {
  readonly store: Store;
  /** URL of that build's `coordinator/index.js`, for programs that run in processes of their own. */
  readonly storeUrl: string;
  readonly random: Random;
  /** The time of `performance.now()` after which no new case is begun. */
  readonly deadlineMs: number;
  /** How many cases are wanted where the time allows them; a group without a natural number takes the time it gets. */
  readonly cases: number;
  /** Which of its cases a group runs that knows them beforehand. */
  readonly part: Part;
  /** A new empty folder, removed at the end of the group unless it failed. */
  folder(): string;
  /** Says on standard error how far the group is. */
  progress(text: string): void;
}

/** What a group did when it found nothing wrong. */
export interface TortureOutcome {
  readonly cases: number;
  /** What happened how often: kills per step, faults per call, checks made. A group fails by itself where a zero is a finding. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why the group could not run here, such as a machine that forbids mounts. */
  readonly skipped?: string;
}

/** A group throws where a promise was broken; the message names the case, what was expected and what was found. */
export interface TortureGroup {
  readonly name: string;
  readonly title: string;
  run(context: TortureContext): Promise<TortureOutcome>;
}
