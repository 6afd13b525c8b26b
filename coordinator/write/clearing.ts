import { FastKVError, restated } from "../../shared/errors.js";
import { maxClearBatchBytes, maxClearBatchKeys } from "../../shared/limits.js";
import type { BatchOperation } from "../calls/call-options.js";
import type { EntryReader, ScanRun } from "../scan/merged-scan.js";

const readKey: EntryReader<string> = (page) => page.key;
const keysAtOnce = 256;

/**
 * A clear with a limit or a snapshot: reads the keys, then deletes them in batches. The deletes get later sequence
 * numbers than the call, so keys that were written in between are skipped.
 *
 * Keys are named by the latin1 string of their bytes, as in the read cache.
 */
export class KeyClear {
  readonly #keys: ScanRun;
  readonly #write: (operations: Iterable<BatchOperation<never>>) => Promise<void>;
  /** Keys written since the call. */
  readonly #spared = new Set<string>();
  #isDeleting = false;
  /** Settles when all keys are deleted, or will not be. */
  ended: Promise<void> = Promise.resolve();

  constructor(keys: ScanRun, write: (operations: Iterable<BatchOperation<never>>) => Promise<void>) {
    this.#keys = keys;
    this.#write = write;
  }

  /** Notes that a write of this key was called after the clear. */
  spare(name: string): void {
    if (!this.#isDeleting) {
      this.#spared.add(name);
    }
  }

  run(): Promise<void> {
    this.ended = this.#run();
    return this.ended;
  }

  async #run(): Promise<void> {
    let deleted = 0;
    try {
      let isLast = false;
      while (!isLast) {
        const names: string[] = [];
        isLast = await this.#gather(names);
        await this.#delete(names);
        deleted += names.length;
      }
    } catch (error) {
      throw error instanceof FastKVError ? endedAfter(deleted, error) : error;
    } finally {
      this.#keys.end();
    }
  }

  /** Reads the names of the next batch. Returns true if they are the last. */
  async #gather(names: string[]): Promise<boolean> {
    let bytes = 0;
    while (names.length < maxClearBatchKeys && bytes < maxClearBatchBytes) {
      const start = names.length;
      const wanted = Math.min(keysAtOnce, maxClearBatchKeys - start);
      if (this.#keys.take(readKey, names, wanted)) {
        return true;
      }
      for (let at = start; at < names.length; at++) {
        bytes += names[at]!.length;
      }
      if (names.length === start) {
        await this.#keys.fill();
      }
    }
    return false;
  }

  #delete(names: readonly string[]): Promise<void> {
    this.#isDeleting = true;
    try {
      return this.#write(this.#deletesOf(names));
    } finally {
      this.#isDeleting = false;
    }
  }

  /** Evaluated while the batch is encoded, in the turn in which it is sent. */
  *#deletesOf(names: readonly string[]): Generator<BatchOperation<never>> {
    for (const name of names) {
      if (!this.#spared.has(name)) {
        yield { type: "del", key: Buffer.from(name, "latin1") };
      }
    }
  }
}

function endedAfter(deleted: number, error: FastKVError): FastKVError {
  if (deleted > 0) {
    const message = `The clear ended after ${deleted} keys: ${error.message}`;
    return restated(error, { message, writeOutcome: "in-doubt" });
  }
  // An error of reading the keys has no write outcome.
  return error.writeOutcome === "none" ? restated(error, { writeOutcome: "not-applied" }) : error;
}
