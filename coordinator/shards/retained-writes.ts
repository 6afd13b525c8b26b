import { filterSection } from "../../shared/format/operations.js";
import { Fifo } from "../event-loop/fifo.js";

/** A section that was sent and is not known to be on disk yet. */
export interface RetainedSection {
  section: Buffer;
  firstSequence: number;
  lastSequence: number;
  /** Whether it is the commit of a bulk load, which is sent in its own frame with the seal flag. */
  isSeal: boolean;
  hasLogged: boolean;
}

/**
 * The writes of one shard that are not yet synced there, in order; a shard that dies gets them again. Writes that the
 * shard refused are removed, except parts of logged batches, which it must not refuse.
 */
export class RetainedWrites {
  #sections = new Fifo<RetainedSection>();
  bytes = 0;

  add(section: RetainedSection): void {
    this.#sections.push(section);
    this.bytes += section.section.length;
  }

  /** Drops everything up to `sequence`, which is on disk. */
  forget(sequence: number): void {
    for (let first = this.#sections.peek(); first !== undefined; first = this.#sections.peek()) {
      if (first.lastSequence > sequence) {
        return;
      }
      this.#sections.shift();
      this.bytes -= first.section.length;
    }
  }

  /** Removes what the shard refused, from `from` to `to`. */
  refuse(from: number, to: number): void {
    const all = this.#sections.takeAll();
    this.bytes = 0;
    for (const retained of all) {
      const isRefused = retained.firstSequence >= from && retained.lastSequence <= to;
      const kept = isRefused ? loggedPart(retained) : retained;
      if (kept !== undefined) {
        this.add(kept);
      }
    }
  }

  /** Whether there is anything besides parts of logged batches, which the batch log has. */
  get hasUnlogged(): boolean {
    for (const { section, firstSequence, hasLogged } of this.#sections) {
      if (
        !hasLogged ||
        filterSection(section, firstSequence, (operation) => !operation.logged) !== undefined
      ) {
        return true;
      }
    }
    return false;
  }

  sections(): Iterable<RetainedSection> {
    return this.#sections;
  }

  clear(): void {
    this.#sections = new Fifo();
    this.bytes = 0;
  }
}

function loggedPart(retained: RetainedSection): RetainedSection | undefined {
  const part = retained.hasLogged
    ? filterSection(retained.section, retained.firstSequence, (operation) => operation.logged)
    : undefined;
  return part === undefined ? undefined : { ...retained, ...part };
}
