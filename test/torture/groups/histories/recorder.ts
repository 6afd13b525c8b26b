/** A database whose calls are written down: when each was made, when it was answered, and what it said. */

import type { FastKVError } from "../../../../shared/errors.js";
import {
  type Moment,
  missing,
  type RecordedHistory,
  type RecordedWrite,
  type Version,
} from "./checker/history.js";
import { idOf } from "./stored-values.js";

interface OpenRead {
  readonly name: string;
  readonly callAt: Moment;
  readonly endAt: Moment;
  readonly isCut: boolean;
  readonly values: ReadonlyMap<string, Version>;
  readonly count?: { keys: readonly string[]; found: number };
}

/** What a read found. */
export interface Found {
  readonly values?: ReadonlyMap<string, Version>;
  readonly count?: { keys: readonly string[]; found: number };
}

export class Recorder {
  readonly #writes: RecordedWrite[] = [];
  readonly #reads: OpenRead[] = [];
  /** While a shard is away reads may be answered as of a later moment than their call. */
  readonly #restarts: { from: Moment; to: Moment }[] = [];
  readonly #mayFail: boolean;
  #moment: Moment = 0;
  #lastId: Version = 0;
  failedCalls = 0;

  /** `mayFail`: whether calls may fail, since a shard is given up. */
  constructor(mayFail: boolean) {
    this.#mayFail = mayFail;
  }

  now(): Moment {
    this.#moment += 1;
    return this.#moment;
  }

  /**
   * Calls a write at once. Resolves when it is answered.
   *
   * @param keys what it puts and what it removes
   */
  write(
    keys: { puts?: readonly string[]; removes?: readonly string[] },
    call: (id: Version) => Promise<void>,
  ): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const changes = new Map<string, Version>();
    for (const key of keys.removes ?? []) {
      changes.set(key, missing);
    }
    for (const key of keys.puts ?? []) {
      changes.set(key, id);
    }
    const endAt = Number.POSITIVE_INFINITY;
    const write: RecordedWrite = { id, callAt: this.now(), endAt, outcome: "in-doubt", changes };
    this.#writes.push(write);
    return call(id).then(
      () => {
        write.endAt = this.now();
        write.outcome = "done";
      },
      (error: unknown) => {
        this.#expectFailure(`write ${id}`, error);
        if ((error as FastKVError).writeOutcome === "not-applied") {
          write.endAt = this.now();
          write.outcome = "refused";
        }
      },
    );
  }

  /** Calls a read at once. */
  read(name: string, call: () => Promise<Found>): Promise<void> {
    return this.#read({ name, callAt: this.now(), isCut: false }, call);
  }

  /**
   * Calls a read that shows the moment of its call whatever happens to shards, and however long it takes.
   *
   * @param taken where it shows the moment of a snapshot: when that was called, and when the call returned
   */
  cut(name: string, call: () => Promise<Found>, taken?: { callAt: Moment; endAt: Moment }): Promise<void> {
    const callAt = taken?.callAt ?? this.now();
    const answer = call();
    return this.#read({ name, callAt, endAt: taken?.endAt ?? this.now(), isCut: true }, () => answer);
  }

  async #read(
    about: Pick<OpenRead, "name" | "callAt" | "isCut"> & { endAt?: Moment },
    call: () => Promise<Found>,
  ): Promise<void> {
    let found: Found;
    try {
      found = await call();
    } catch (error) {
      this.#expectFailure(about.name, error);
      return;
    }
    const { values = new Map<string, Version>(), count } = found;
    const endAt = about.endAt ?? this.now();
    this.#reads.push({ ...about, endAt, values, ...(count === undefined ? {} : { count }) });
  }

  /** A shard was killed: what is called until `done` may be answered as of later. */
  noteRestart(): { done: () => void } {
    const restart = { from: this.now(), to: Number.POSITIVE_INFINITY };
    this.#restarts.push(restart);
    return {
      done: () => {
        restart.to = this.now();
      },
    };
  }

  /** The database was closed and opened: what was in doubt is decided. */
  noteReopened(): void {
    for (const write of this.#writes) {
      if (write.endAt === Number.POSITIVE_INFINITY) {
        write.endAt = this.now();
      }
    }
    for (const restart of this.#restarts) {
      restart.to = Math.min(restart.to, this.now());
    }
  }

  history(): RecordedHistory {
    return {
      writes: this.#writes,
      reads: this.#reads.map(({ isCut, ...read }) => {
        const isExact =
          isCut || !this.#restarts.some(({ from, to }) => from < read.endAt && read.callAt < to);
        return { ...read, latestAt: isExact ? read.callAt : read.endAt };
      }),
    };
  }

  #expectFailure(name: string, error: unknown): void {
    if (!this.#mayFail || (error as FastKVError).code !== "FASTKV_SHARD_UNAVAILABLE") {
      throw new Error(`${name} failed: ${error instanceof Error ? error.stack : String(error)}`, {
        cause: error,
      });
    }
    this.failedCalls += 1;
  }
}

/** What values say of the keys that were asked for. */
export function foundValues(
  keys: readonly string[],
  values: readonly unknown[],
): ReadonlyMap<string, Version> {
  return new Map(
    keys.map((key, at) => [key, values[at] === undefined ? missing : idOf(values[at], key)] as const),
  );
}
