/** The state of a shell between commands: the database, an open batch, an open snapshot, switches. */

import type { BatchOperation, FastKV, Snapshot } from "fastkv";
import { LineWriter } from "fastkv-cli/kit/output";

export interface SessionOptions {
  path: string;
  db: FastKV;
  /** A person uses it: hints, progress and live tables make sense. */
  interactive: boolean;
  /** Resolves when a key is pressed; only if there is a keyboard. */
  keyPressed?: (signal: AbortSignal) => Promise<void>;
}

/** An open batch. */
export interface SessionBatch {
  /** The operations of `put` and `delete` so far. */
  readonly operations: BatchOperation[];
  /** A line within the batch failed, so a part would be missing: `end` writes nothing. */
  hasFailed: boolean;
}

export class Session {
  readonly path: string;
  readonly db: FastKV;
  readonly interactive: boolean;
  readonly keyPressed: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly output = new LineWriter(process.stdout);
  /** Set by `batch`; undefined while none is open. */
  batch: SessionBatch | undefined;
  /** While it is open, reads use it. */
  snapshot: Snapshot | undefined;
  timing = false;
  /** Set by `exit`: no more commands are read. */
  ended = false;

  constructor(options: SessionOptions) {
    this.path = options.path;
    this.db = options.db;
    this.interactive = options.interactive;
    this.keyPressed = options.keyPressed;
  }

  /** Options for reads: the snapshot, if one is open. */
  get view(): { snapshot?: Snapshot } {
    return this.snapshot ? { snapshot: this.snapshot } : {};
  }

  get prompt(): string {
    if (this.batch) {
      return "fastkv(batch)> ";
    }
    return this.snapshot ? "fastkv(snapshot)> " : "fastkv> ";
  }

  /** Prints a line for people only; scripts read stdout. */
  hint(text: string): void {
    if (this.interactive) {
      process.stderr.write(`${text}\n`);
    }
  }

  async releaseSnapshot(): Promise<void> {
    const { snapshot } = this;
    this.snapshot = undefined;
    await snapshot?.close();
  }
}
