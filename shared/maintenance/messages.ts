/** The messages between the coordinator and a maintenance process, sent as structured clones over the fork channel. */

import type { ErrorReport } from "../errors.js";
import type { Finding } from "./finding.js";

/** The content of the batch log that concerns one shard. */
export interface LoggedInput {
  /** False if a part of the log cannot be read: a missing record then means nothing. */
  isWhole: boolean;
  /** Up to this sequence a part counts without a record. */
  cutSequence: number;
  /** The sequence numbers of all batches that have a record. */
  sequences: number[];
  /** The shard's parts of these batches, in order: sections of operations with sequence delta 0. */
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
  /** Only for repair: the folder for replaced files; created when there is one. */
  lostFolder?: string;
}

/** What was read of a shard, and the findings. */
export interface ShardExamination {
  findings: Finding[];
  damages: number;
  /** Findings beyond the limit of the list. */
  unlisted: number;
  /** The shard was closed cleanly, so nothing may be missing. */
  wasClean: boolean;
  bytes: number;
  tables: number;
  /** Versions of keys in tables. */
  entries: number;
  walRecords: number;
  /** Files with keys that belong to another shard. */
  misrouted: number;
  /**
   * Number of keys examined, and the larger numbers of shards with which all of them would also belong to this shard.
   */
  keys: number;
  fittingCounts: number[];
  /** Parts of logged batches that the shard has and the batch log does not have, or the reverse. */
  logMismatches: number;
  /** The shard will report to have every write up to this sequence. */
  lastSequence: number;
  /** The highest sequence number found anywhere in the shard. */
  highestSequence: number;
}

export interface ShardRepair {
  shardIndex: number;
  /** What could not be saved; at most 200. */
  losses: Finding[];
  /** Number of losses, listed or not. */
  lostItems: number;
  /** Files that were replaced, relative to the database's folder. Empty if nothing had to be done. */
  setAside: string[];
  /** The shard will report to have every write up to this sequence. */
  lastSequence: number;
}

export type MaintenanceReply =
  /** Bytes of files read since the last such message. */
  | { type: "progress"; bytes: number }
  | { type: "examined"; examination: ShardExamination }
  | { type: "repaired"; repair: ShardRepair }
  | { type: "failed"; error: ErrorReport };
