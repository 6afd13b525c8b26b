/**
 * Where FastKV writes what happens, one structured line for each: an object with fields, and a message. A logger of
 * pino fits as it is. Nothing is logged without one.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * `event` is always there. Times are in milliseconds, sizes in bytes. Keys and values never stand in it, but for an
 * escaped excerpt in the message of an `err`.
 */
export interface LogFields {
  event: string;
  [field: string]: unknown;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** The methods that something lacks to be a logger. */
export function missingLevels(value: unknown): LogLevel[] {
  const methods = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  return levels.filter((level) => typeof methods[level] !== "function");
}
