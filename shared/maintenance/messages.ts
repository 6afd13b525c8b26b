/** What the coordinator and a maintenance process tell each other over the fork channel, as structured clones. */

import type { ErrorReport } from "../errors.js";
import type { Finding } from "./finding.js";

/** What the batch log says, as far as one shard is concerned. */
export interface LoggedInput {
  /** False where a part of the log cannot be read: then nothing follows from a record's absence. */
  isWhole: boolean;
  /** Batches up to here need no record. */
  cutSequence: number;
  /** All batches that have a record. */
  sequences: number[];
  /** The shard's parts of them, in order: sections of operations with sequence delta 0. */
  parts: { sequence: number; section: Uint8Array }[];
}

export interface ShardTask {
  action: "verify";
  folder: string;
  databaseId: Uint8Array;
  shardIndex: number;
  shards: number;
  epoch: number;
  logged: LoggedInput;
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
}

export type MaintenanceReply =
  /** Bytes of files that were read since the last such message. */
  | { type: "progress"; bytes: number }
  | { type: "examined"; examination: ShardExamination }
  | { type: "failed"; error: ErrorReport };
