import type { LogFields, Logger } from "../../../coordinator/events/logger.js";

export interface RecordedLine {
  level: keyof Logger;
  fields: LogFields;
  message: string;
}

/** A logger that keeps what it is given, in order. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[] = [];

  debug(fields: LogFields, message: string): void {
    this.lines.push({ level: "debug", fields, message });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }

  error(fields: LogFields, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }

  of(event: string): RecordedLine[] {
    return this.lines.filter((line) => line.fields.event === event);
  }
}
