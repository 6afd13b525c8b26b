import { invariant } from "../../../shared/errors.js";
import { OperationReader, operationKind } from "../../../shared/format/operations.js";
import type { LoadCommits } from "../bulk-load/load-commits.js";
import type { ArenaSection } from "../memtable/section-index.js";
import type { Holds } from "../read-path/holds.js";
import { rangeOf } from "../read-path/range-delete.js";
import type { ReadView } from "../read-path/reads.js";
import type { Tree } from "../version/tree.js";
import type { Memtables } from "./memtables.js";
import { deletesOf, keysOfSmallRange } from "./small-clear.js";

/** A section of operations that lies in the arena, and how much of it is applied. */
export interface PlacedSection {
  readonly section: ArenaSection;
  readonly reader: OperationReader;
  /** For a part of another section: where in that section the part's remaining operations begin, the next one last. */
  readonly from?: number[];
}

/** Makes operations visible: puts and deletes go to the active memtable, clears and bulk loads to the tree. */
export class Applier {
  readonly #memtables: Memtables;
  readonly #tree: Tree;
  readonly #holds: Holds;
  readonly #commits: LoadCommits;
  readonly #owner: { view(): ReadView; onBackgroundError(error: unknown): void };

  constructor(
    parts: { memtables: Memtables; tree: Tree; holds: Holds; commits: LoadCommits },
    owner: { view(): ReadView; onBackgroundError(error: unknown): void },
  ) {
    this.#memtables = parts.memtables;
    this.#tree = parts.tree;
    this.#holds = parts.holds;
    this.#commits = parts.commits;
    this.#owner = owner;
  }

  /** Copies a section into the active memtable's arena. Nothing in it is visible yet. `from`: see `FilteredSection`. */
  place(section: Buffer, firstSequence: number, from?: readonly number[]): PlacedSection {
    const { arena } = this.#memtables.active;
    const placed = arena.append(section, firstSequence);
    const reader = new OperationReader(arena.buffer(placed.chunk), placed.start, placed.end);
    return from === undefined
      ? { section: placed, reader }
      : { section: placed, reader, from: from.toReversed() };
  }

  /** Applies the operations before byte `end` of the section, or of the section that it is a part of. */
  applyUntil({ section, reader, from }: PlacedSection, end: number): void {
    if (from !== undefined) {
      while (from.length > 0 && from.at(-1)! < end && reader.next()) {
        from.pop();
        this.apply(reader, section);
      }
      return;
    }
    const limit = section.start + end;
    while (reader.end < limit && reader.next()) {
      this.apply(reader, section);
    }
  }

  applyAll(placed: PlacedSection): void {
    this.applyUntil(placed, Number.POSITIVE_INFINITY);
  }

  /** Applies the operation at the reader's position in the section. */
  apply(operation: OperationReader, section: ArenaSection): void {
    const { active } = this.#memtables;
    const sequence = section.firstSequence + operation.sequenceDelta;
    if (operation.logged) {
      active.noteLogged(sequence);
    }
    switch (operation.kind) {
      case operationKind.put:
      case operationKind.delete:
        active.add(operation, section, sequence, this.#keepOlder);
        break;
      case operationKind.deleteRange:
        this.#deleteRange(operation, sequence);
        break;
      case operationKind.ingest:
        this.#commitLoad(operation, sequence);
        break;
    }
  }

  readonly #keepOlder = (older: number, newer: number): boolean => this.#holds.needs(older, newer);

  #deleteRange(operation: OperationReader, sequence: number): void {
    const { buffer, keyStart, valueStart, end, tag } = operation;
    const lower = buffer.latin1Slice(keyStart, valueStart);
    const range = rangeOf(lower, buffer.latin1Slice(valueStart, end), tag);
    // Recorded even if there is nothing to delete: the operation is part of a batch that may be in the batch log.
    this.#memtables.active.noteSequence(sequence);
    if (range.upper !== null && range.upper <= range.lower) {
      return;
    }
    let keys: string[] | undefined;
    try {
      keys = keysOfSmallRange(this.#owner.view(), range, sequence);
    } catch (error) {
      // A block in the range is damaged. A range delete works without reading.
      this.#owner.onBackgroundError(error);
    }
    if (keys === undefined) {
      this.#tree.rangeDeletes.push({ ...range, sequence });
    } else if (keys.length > 0) {
      this.applyAll(this.place(deletesOf(keys), sequence));
    }
  }

  #commitLoad(operation: OperationReader, sequence: number): void {
    const { active } = this.#memtables;
    invariant(!active.isTouched, "a memtable is sealed before a bulk load becomes visible");
    active.noteLoad(sequence);
    this.#commits.apply(operation.buffer.toString("hex", operation.valueStart, operation.end), sequence);
  }
}
