import type { FastKVError } from "../../shared/errors.js";
import type { RecoverySummary, ShardEvent } from "../../shared/wire/messages.js";
import type { FastKVEvents } from "../calls/call-options.js";

/** Something that happened in a database. Some events are emitted to the program; the others are only logged. */
export type DatabaseEvent =
  | { type: "shard-restart"; shard: number; reason: string }
  | { type: "shard-failed"; shard: number; error: FastKVError }
  | { type: "read-only"; error: FastKVError }
  | ({ type: "space-low" } & FastKVEvents["space-low"][0])
  | ({ shard: number } & ShardEvent)
  | { type: "opened"; path: string; shards: number; durationMs: number }
  | { type: "shard-ready"; shard: number; durationMs: number; recovery: RecoverySummary }
  | { type: "closed"; path: string; durationMs: number };

const published = [
  "shard-restart",
  "shard-failed",
  "stall",
  "space-low",
  "corruption",
  "background-error",
  "read-only",
] as const satisfies readonly (keyof FastKVEvents)[];

export type PublishedEvent = Extract<DatabaseEvent, { type: (typeof published)[number] }>;

export function isPublished(event: DatabaseEvent): event is PublishedEvent {
  return (published as readonly string[]).includes(event.type);
}
