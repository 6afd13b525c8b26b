import type { DurableLog } from "./log/durable-log.js";
import type { Memtables } from "./memtables.js";
import type { RetryPause } from "./retry-pause.js";
import type { Tree } from "./tree.js";

/**
 * The move to the next WAL segment and memtable. The old segment is synced whole, so no writes may be taken until it
 * is through.
 */
export class Rotation {
  readonly #memtables: Memtables;
  readonly #log: DurableLog;
  readonly #tree: Tree;
  /** After a segment for which there was no room. */
  readonly #pause: RetryPause;
  readonly #onSealed: () => void;
  #running: Promise<boolean> | undefined;

  constructor(
    { memtables, log, tree }: { memtables: Memtables; log: DurableLog; tree: Tree },
    pause: RetryPause,
    onSealed: () => void,
  ) {
    this.#memtables = memtables;
    this.#log = log;
    this.#tree = tree;
    this.#pause = pause;
    this.#onSealed = onSealed;
  }

  /** The active memtable is full, or a rotation is under way: `run` comes before the next write. */
  get isDue(): boolean {
    return (this.#memtables.isActiveFull && !this.#pause.isOn) || this.#running !== undefined;
  }

  /** Has the next segment made, so that a rotation need not wait for it. */
  prepare(): void {
    this.#log.prepareNext(
      () => this.#tree.takeFileNumbers(1)[0]!,
      (log) => this.#tree.change({ addedLogs: [log] }),
    );
  }

  /**
   * Resolves to false where there is no room for the next segment: the old one goes on, and the memtable grows beyond its
   * limit until there is. A call meanwhile shares the one under way. Rejects where a sync failed, which is final.
   */
  run(): Promise<boolean> {
    this.#running ??= this.#rotate().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #rotate(): Promise<boolean> {
    this.prepare();
    if (!(await this.#log.rotate((error) => this.#pause.failed(error)))) {
      return false;
    }
    this.#pause.succeeded();
    this.#memtables.moveOn(this.#log.segmentNumber);
    this.#onSealed();
    return true;
  }
}
