import type { RetryPause } from "../background/retry-pause.js";
import type { Tree } from "../version/tree.js";
import type { DurableLog } from "../wal/durable-log.js";
import type { Memtables } from "./memtables.js";

/**
 * The switch to the next WAL segment and memtable. The old segment is synced completely, so no writes may be taken
 * until the rotation is done.
 */
export class Rotation {
  readonly #memtables: Memtables;
  readonly #log: DurableLog;
  readonly #tree: Tree;
  /** The pause after a next segment could not be made, for example because the disk is full. */
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

  /** The active memtable is full, or a rotation is running: call `run` before the next write. */
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
   * Resolves to false if there is no disk space for the next segment: then the old segment stays in use, and the
   * memtable grows beyond its limit until there is. A call during a rotation shares that rotation. Rejects if a sync
   * failed, which is final.
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
