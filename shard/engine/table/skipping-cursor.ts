import type { ByteString } from "../../../shared/bytes.js";
import { corruption, FastKVError } from "../../../shared/errors.js";
import type { Block } from "./block-reader.js";
import type { BlockLoader } from "./block-source.js";
import { type BlockDirectory, TableCursor } from "./table-cursor.js";

/** A block that could not be read at all, or not from some entry on. */
export interface SkippedBlock {
  ordinal: number;
  error: FastKVError;
}

/** Remembers which block was loaded last. */
class TrackingLoader implements BlockLoader {
  ordinal = 0;
  fileOffset = 0;
  readonly #loader: BlockLoader;

  constructor(loader: BlockLoader) {
    this.#loader = loader;
  }

  load(ordinal: number): Block {
    this.ordinal = ordinal;
    const block = this.#loader.load(ordinal);
    this.fileOffset = block.fileOffset;
    return block;
  }
}

/**
 * Walks over a table from its first entry to its last and skips damaged blocks: each is reported and left out. Moves
 * only forwards. Entries come in order: those that are out of order count as damage too.
 */
export class SkippingCursor extends TableCursor {
  readonly #directory: BlockDirectory;
  readonly #tracker: TrackingLoader;
  readonly #path: string;
  readonly #onSkip: (skipped: SkippedBlock) => void;
  #lastKey: ByteString | undefined;
  #lastSequence = 0;
  /** Whether the current entry has another key than the one before. */
  isNewKey = true;

  constructor(
    path: string,
    directory: BlockDirectory,
    loader: BlockLoader,
    sequenceOverride: number | undefined,
    onSkip: (skipped: SkippedBlock) => void,
  ) {
    const tracker = new TrackingLoader(loader);
    super(directory, tracker, sequenceOverride);
    this.#directory = directory;
    this.#tracker = tracker;
    this.#path = path;
    this.#onSkip = onSkip;
  }

  /** Which block of the table the current entry is in; `blockOffset` is that block's offset in the file. */
  get ordinal(): number {
    return this.#tracker.ordinal;
  }

  get blockOffset(): number {
    return this.#tracker.fileOffset;
  }

  override seekToFirst(): void {
    this.#lastKey = undefined;
    this.#attempt(() => super.seekToFirst());
  }

  override next(): void {
    if (this.valid) {
      this.#lastKey = this.key;
      this.#lastSequence = this.sequence;
      this.#attempt(() => super.next());
    }
  }

  /** Moves on until an entry is whole and in order, or none is left. */
  #attempt(move: () => void): void {
    let step = move;
    for (;;) {
      const before = this.#tracker.ordinal;
      try {
        step();
        if (!this.valid || this.#isInOrder()) {
          return;
        }
        throw corruption(this.#path, this.blockOffset, "entries are out of order");
      } catch (error) {
        if (!(error instanceof FastKVError) || error.code !== "FASTKV_CORRUPTION") {
          throw error;
        }
        const damaged = Math.max(before, this.#tracker.ordinal);
        this.#onSkip({ ordinal: damaged, error });
        this.valid = false;
        const following = damaged + 1;
        if (following >= this.#directory.blocks) {
          return;
        }
        step = () => this.seekToBlock(following);
      }
    }
  }

  #isInOrder(): boolean {
    const last = this.#lastKey;
    this.isNewKey = last === undefined || this.key !== last;
    return last === undefined || this.key > last || (this.key === last && this.sequence < this.#lastSequence);
  }
}
