import { filterSection } from "../../shared/format/operations.js";
import { Fifo } from "../fifo.js";

/** A section that was sent and is not yet known to be on disk. */
export interface RetainedSection {
  section: Buffer;
  firstSequence: number;
  lastSequence: number;
  /** A bulk load's commit: sent in a frame of its own, with the seal flag. */
  isSeal: boolean;
  hasLogged: boolean;
}

/**
 * The writes of one shard that are not yet synced there, in order: a shard that dies gets them again. Writes that
 * the shard refused are taken out, except the parts of logged batches, which it must not refuse.
 */
export class RetainedWrites {
  #sections = new Fifo<RetainedSection>();
  bytes = 0;

  add(section: RetainedSection): void {
    this.#sections.push(section);
    this.bytes += section.section.length;
  }

  /** Everything up to `sequence` is on disk. */
  forget(sequence: number): void {
    for (let first = this.#sections.peek(); first !== undefined; first = this.#sections.peek()) {
      if (first.lastSequence > sequence) {
        return;
      }
      this.#sections.shift();
      this.bytes -= first.section.length;
    }
  }

  /** The shard refused what came from `from` to `to`. */
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

  /** Whether there is more than parts of logged batches, for which the batch log vouches. */
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
