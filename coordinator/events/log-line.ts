/** A pure mapping from events to log level, fields and message. */

import type { DatabaseEvent } from "./database-event.js";
import type { LogFields, LogLevel } from "./logger.js";

export interface LogLine {
  level: LogLevel;
  fields: LogFields;
  message: string;
}

const stallLines = {
  none: { level: "info", message: "Writes are no longer slowed" },
  slow: { level: "warn", message: "Writes are slowed: they come faster than they are flushed and compacted" },
  stop: {
    level: "warn",
    message: "Writes wait for flushes and compaction to catch up, or are refused while these fail",
  },
} as const;

/** `shardPid`: the process in which the event happened, if there is one. */
export function logLineOf(event: DatabaseEvent, shardPid: number | undefined): LogLine {
  const { type, ...details } = event;
  const fields: LogFields = { event: type, ...details };
  if (shardPid !== undefined) {
    fields.shardPid = shardPid;
  }
  if ("durationMs" in event) {
    fields.durationMs = Math.round(event.durationMs * 10) / 10;
  }
  if ("error" in event) {
    // Loggers expect an error under the name `err`.
    delete fields.error;
    fields.code = event.error.code;
    fields.err = event.error;
  }
  return { fields, ...levelAndMessage(event) };
}

function levelAndMessage(event: DatabaseEvent): { level: LogLevel; message: string } {
  switch (event.type) {
    case "opened":
      return { level: "info", message: "The database is open" };
    case "closed":
      return { level: "info", message: "The database is closed" };
    case "shard-ready":
      return { level: "info", message: "A shard has opened its files" };
    case "shard-restart":
      return { level: "warn", message: "A shard is started again" };
    case "shard-failed":
      return { level: "error", message: "A shard is given up" };
    case "read-only":
      return { level: "error", message: "The database only reads: its batch log cannot be written" };
    case "stall":
      return stallLines[event.kind];
    case "space-low":
      return event.isLow
        ? { level: "warn", message: "The file system has little room left" }
        : { level: "info", message: "The file system has room again" };
    case "corruption":
      return { level: "error", message: "A shard found a damaged file" };
    case "background-error":
      return { level: "warn", message: "Work in the background failed and will be tried again" };
    case "fatal":
      return { level: "error", message: "A shard cannot go on" };
    case "work":
      return { level: "debug", message: "A shard has done work in the background" };
  }
}
