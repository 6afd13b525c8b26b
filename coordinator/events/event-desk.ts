import type { EventEmitter } from "node:events";
import type { FastKVEvents } from "../call-options.js";
import { type DatabaseEvent, isPublished } from "./database-event.js";
import { logLineOf } from "./log-line.js";
import type { Logger } from "./logger.js";

/** Where all events of a database come together: they are counted, logged, and told to the program. */
export class EventDesk {
  readonly #logger: Logger | undefined;
  readonly #pidOf: (shard: number) => number | undefined;
  readonly #lastWords = new Map<number, string>();
  readonly #corruptions = new Map<number, number>();
  /** Who is told; set once the database is open. */
  emitter: EventEmitter<FastKVEvents> | undefined;

  constructor(logger: Logger | undefined, pidOf: (shard: number) => number | undefined) {
    this.#logger = logger;
    this.#pidOf = pidOf;
  }

  /** How many places a shard found damaged since the database was opened. */
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
      // A listener that throws ends in the program's own hands, not in the middle of what is done here.
      queueMicrotask(() => this.emitter?.emit(type, details as never));
    }
  }

  /** A process that ends says why before it does; its end alone says little. */
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

  /** The same holds for a logger that throws. */
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
