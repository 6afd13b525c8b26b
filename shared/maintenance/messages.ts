/** What the coordinator and a maintenance process tell each other over the fork channel, as structured clones. */

import type { ErrorReport } from "../errors.js";
import type { Finding } from "./finding.js";

/** What the batch log says, as far as one shard is concerned. */
export interface LoggedInput {
  /** False where a part of the log cannot be read: then nothing follows from a record's absence. */
  isWhole: boolean;
  /** Up to here a part counts without a record. */
  cutSequence: number;
  /** All batches that have a record. */
  sequences: number[];
  /** The shard's parts of them, in order: sections of operations with sequence delta 0. */
  parts: { sequence: number; section: Uint8Array }[];
}

export interface ShardTask {
  action: "verify" | "repair";
  folder: string;
  databaseId: Uint8Array;
  shardIndex: number;
  shards: number;
  epoch: number;
  logged: LoggedInput;
  /** Only to repair: where files go that are replaced; made when there is one. */
  lostFolder?: string;
}

/** What was read of a shard, and what was found. */
export interface ShardExamination {
  findings: Finding[];
  damages: number;
  /** Findings beyond the limit of the list. */
  unlisted: number;
  /** The shard was closed cleanly: nothing may be missing. */
  wasClean: boolean;
  bytes: number;
  tables: number;
  /** Versions of keys in tables. */
  entries: number;
  walRecords: number;
  /** Files with keys that belong to another shard. */
  misrouted: number;
  /** Keys that were looked at, and the larger numbers of shards with which all of them would belong here, too. */
  keys: number;
  fittingCounts: number[];
  /** What the shard has of logged batches, and the batch log has not, or otherwise. */
  logMismatches: number;
  /** Up to here the shard will say that it has every write. */
  lastSequence: number;
  /** The highest sequence number that is found anywhere in the shard. */
  highestSequence: number;
}

export interface ShardRepair {
  shardIndex: number;
  /** What could not be saved; at most 200. */
  losses: Finding[];
  /** How many losses there are, listed or not. */
  lostItems: number;
  /** Files that were replaced, relative to the database's folder. Empty where nothing had to be done. */
  setAside: string[];
  /** Up to here the shard will say that it has every write. */
  lastSequence: number;
}

export type MaintenanceReply =
  /** Bytes of files that were read since the last such message. */
  | { type: "progress"; bytes: number }
  | { type: "examined"; examination: ShardExamination }
  | { type: "repaired"; repair: ShardRepair }
  | { type: "failed"; error: ErrorReport };
