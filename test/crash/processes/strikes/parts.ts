/**
 * Strikes between the parts of a batch: shards leave a note for each part of a logged batch that they have written,
 * and the one that is to die without its part waits until another has its own.
 */

import fs from "node:fs";
import { isRecord, loggedSequences, recordedBatches } from "./contents.js";
import { noteNames } from "./strike.js";
import type { Striker } from "./striker.js";

const { writeFileSync } = fs;
const lookMs = 1;
const patienceMs = 2000;

export class Parts {
  readonly #striker: Striker;
  /** Batches seen; the strike is due from the n-th on. */
  #batches = 0;

  constructor(striker: Striker) {
    this.#striker = striker;
  }

  /** Around a shard's write to its WAL. */
  write(shard: number, bytes: Buffer, call: () => number, inPart: () => void): number {
    const { step, moment } = this.#striker.order;
    const isBetween = step === "between two shards' parts";
    if ((!isBetween && step !== "batch log write behind the parts") || !this.#counts(bytes)) {
      return call();
    }
    const sequences = loggedSequences(bytes);
    if (isBetween && shard === this.#striker.order.shard && sequences.length > 0 && this.#isDue()) {
      if (this.#waitsFor(noteNames.part(1 - shard, sequences[0]!))) {
        if (moment === "within") {
          inPart();
        }
        this.#striker.strike();
      }
    }
    const written = call();
    for (const sequence of sequences) {
      writeFileSync(this.#striker.note(noteNames.part(shard, sequence)), "");
    }
    return written;
  }

  /** Around the coordinator's write to the batch log: it may have to wait until all parts are written. */
  writeLog(bytes: Buffer, call: () => void, inPart: () => void): void {
    const { step, moment } = this.#striker.order;
    const batch = isRecord(bytes) ? recordedBatches(bytes)[0] : undefined;
    const isWanted = step === "batch log write behind the parts" && batch !== undefined && !batch.isCommit;
    if (!isWanted || !this.#counts(bytes) || !this.#isDue()) {
      call();
      return;
    }
    const deadline = performance.now() + patienceMs;
    const timer = setInterval(() => {
      const areThere = batch.shards.every((shard) =>
        this.#striker.hasNote(noteNames.part(shard, batch.sequence)),
      );
      if (!areThere && performance.now() < deadline) {
        return;
      }
      clearInterval(timer);
      if (areThere && moment === "within") {
        inPart();
      }
      if (areThere && moment !== "after") {
        this.#striker.strike();
      }
      call();
      if (areThere) {
        this.#striker.strike();
      }
    }, lookMs);
  }

  /** What recovery writes is no part that is on its way; after the strike nobody waits any more. */
  #counts(bytes: Buffer): boolean {
    const striker = this.#striker;
    return isRecord(bytes) && striker.hasNote(noteNames.open) && !striker.hasNote(noteNames.struck);
  }

  #isDue(): boolean {
    this.#batches += 1;
    return this.#batches >= this.#striker.order.nth;
  }

  /** Blocks this process, so that nothing else of the shard goes on. */
  #waitsFor(name: string): boolean {
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + patienceMs;
    while (!this.#striker.hasNote(name)) {
      if (performance.now() > deadline) {
        return false;
      }
      Atomics.wait(nobody, 0, 0, lookMs);
    }
    return true;
  }
}
