/**
 * Receives FastKV's log: one structured line per event, an object with fields and a message. A pino logger fits as it
 * is. Without a logger nothing is logged.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * `event` is always present. Times are in milliseconds, sizes in bytes. Keys and values never appear, except an escaped
 * excerpt in the message of an `err`.
 */
export interface LogFields {
  event: string;
  [field: string]: unknown;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Returns the methods that a value lacks to be a logger. */
export function missingLevels(value: unknown): LogLevel[] {
  const methods = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  return levels.filter((level) => typeof methods[level] !== "function");
}
