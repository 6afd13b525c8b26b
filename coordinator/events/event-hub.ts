import type { EventEmitter } from "node:events";
import type { FastKVEvents } from "../calls/call-options.js";
import { type DatabaseEvent, isPublished } from "./database-event.js";
import { logLineOf } from "./log-line.js";
import type { Logger } from "./logger.js";

/** Receives all events of a database: counts them, logs them, and emits them to the program. */
export class EventHub {
  readonly #logger: Logger | undefined;
  readonly #pidOf: (shard: number) => number | undefined;
  readonly #lastWords = new Map<number, string>();
  readonly #corruptions = new Map<number, number>();
  /** Emits events to the program. Set once the database is open. */
  emitter: EventEmitter<FastKVEvents> | undefined;

  constructor(logger: Logger | undefined, pidOf: (shard: number) => number | undefined) {
    this.#logger = logger;
    this.#pidOf = pidOf;
  }

  /** Number of damaged places that a shard found since the database was opened. */
  corruptionsOf(shard: number): number {
    return this.#corruptions.get(shard) ?? 0;
  }

  tell(given: DatabaseEvent): void {
    const event = this.#withCause(given);
    if (event.type === "corruption") {
      this.#corruptions.set(event.shard, this.corruptionsOf(event.shard) + 1);
    }
    this.#log(event);
    if (isPublished(event)) {
      const { type, ...details } = event;
      // In a microtask, so that a listener that throws does not interrupt the work here.
      queueMicrotask(() => this.emitter?.emit(type, details as never));
    }
  }

  /** A process reports the cause before it ends. Adds that cause to the restart event. */
  #withCause(event: DatabaseEvent): DatabaseEvent {
    if (event.type === "fatal") {
      this.#lastWords.set(event.shard, event.message);
    } else if (event.type === "shard-restart") {
      const lastWords = this.#lastWords.get(event.shard);
      this.#lastWords.delete(event.shard);
      return lastWords === undefined ? event : { ...event, reason: `${event.reason}: ${lastWords}` };
    }
    return event;
  }

  /** In a microtask too, since a logger may throw. */
  #log(event: DatabaseEvent): void {
    const logger = this.#logger;
    if (logger !== undefined) {
      const { level, fields, message } = logLineOf(
        event,
        "shard" in event ? this.#pidOf(event.shard) : undefined,
      );
      queueMicrotask(() => logger[level](fields, message));
    }
  }
}
