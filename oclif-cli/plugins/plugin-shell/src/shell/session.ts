/** What a shell keeps between commands: the database, an open batch, an open snapshot, switches. */

import type { BatchOperation, FastKV, Snapshot } from "fastkv";
import { LineWriter } from "fastkv-cli/kit/output";

export interface SessionOptions {
  path: string;
  db: FastKV;
  /** A person sits in front of it: hints, progress and live tables make sense. */
  interactive: boolean;
  /** Resolves when a key is pressed; only where there is a keyboard. */
  keyPressed?: (signal: AbortSignal) => Promise<void>;
}

/** An open batch. */
export interface SessionBatch {
  /** What `put` and `delete` have gathered. */
  readonly operations: BatchOperation[];
  /** A line within it failed, so a part would be missing: `end` writes nothing. */
  hasFailed: boolean;
}

export class Session {
  readonly path: string;
  readonly db: FastKV;
  readonly interactive: boolean;
  readonly keyPressed: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly output = new LineWriter(process.stdout);
  /** Since `batch`; undefined while none is open. */
  batch: SessionBatch | undefined;
  /** Reads look at it while it is open. */
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

  /** For reads: the snapshot, if one is open. */
  get view(): { snapshot?: Snapshot } {
    return this.snapshot ? { snapshot: this.snapshot } : {};
  }

  get prompt(): string {
    if (this.batch) {
      return "fastkv(batch)> ";
    }
    return this.snapshot ? "fastkv(snapshot)> " : "fastkv> ";
  }

  /** A line for people only; scripts read stdout. */
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
