/**
 * A strike: the kill of real processes at one call of one step of the store's work. The test plans it and hands it
 * to the program by an environment variable; preload.ts, in the program's and the shards' processes, carries it out.
 */

import { type Step as FileStep, steps as fileSteps } from "../../simulated/steps.js";

/** Steps that the name of a file does not tell: what is written tells them. */
const contentSteps = [
  "between two shards' parts",
  "batch log write behind the parts",
  "bulk commit: batch log write",
  "bulk commit: WAL write",
  "bulk commit: manifest write",
] as const;

export type Step = FileStep | (typeof contentSteps)[number];

/** The steps in which a kill must have struck. */
export const steps: readonly Step[] = [...fileSteps, ...contentSteps];

/** Those in which each kind of victim must have been killed. */
export const mainSteps: readonly Step[] = [
  "WAL write",
  "batch log write",
  "between two shards' parts",
  "batch log write behind the parts",
  "flush: table write",
  "manifest write",
  "CURRENT rename",
  "bulk commit: batch log write",
];

/** Steps that come once or twice in the life of an opening. */
export const rareSteps: ReadonlySet<Step> = new Set<Step>([
  "identity file",
  "owner file",
  "database folder sync",
  "batch log create",
  "batch log rename",
  "batch log remove",
  "manifest create",
  "manifest remove",
  "CURRENT write",
  "CURRENT sync",
  "CURRENT rename",
]);

/** Who is killed: the shard that is in the step (any one, where the coordinator is), the coordinator, or all at once. */
export const victims = ["shard", "coordinator", "everything"] as const;
export type Victim = (typeof victims)[number];

/** Before the call, in the midst of it (a part is written; an asynchronous call has started), or after it. */
export const moments = ["before", "within", "after"] as const;
export type Moment = (typeof moments)[number];

export interface Strike {
  step: Step;
  victim: Victim;
  moment: Moment;
  /** At which call of the step, counted in each process from 1. */
  nth: number;
  /** Which shard, where it is open: the one that dies with the coordinator in the step, or that gets its part last. */
  shard: number;
}

/** What the processes of a cycle are told. */
export interface StrikeOrder extends Strike {
  /** A folder that the processes of one cycle share, in which they leave notes for each other and for the test. */
  notes: string;
}

export const strikeVariable = "FASTKV_TEST_STRIKE";

/** In the folder of notes. */
export const noteNames = {
  /** Made whole before the kill by the one that strikes: its content is the step. */
  struck: "struck",
  /** The database is open; what is written to a WAL from now on is no recovery. */
  open: "open",
  /** All that the program found when it opened the database. */
  state: "state.json",
  /** The shard has written its part of the batch with this sequence number. */
  part: (shard: number, sequence: number): string => `part-${shard}-${sequence}`,
} as const;
