import type { FileSystemSpace } from "../../shared/storage/file-system-space.js";
import type { EventHub } from "./event-hub.js";

/** How often the free space is measured. */
const checkIntervalMs = 10_000;
/**
 * Low space ends only when free space exceeds the threshold by this factor. Otherwise each flush could report it again.
 */
const recoveredRatio = 1.25;

export interface SpaceHost {
  measure(): Promise<FileSystemSpace>;
  /** Calls once, later. The returned function cancels the call. The timer must not keep the program running. */
  setTimer(call: () => void, delayMs: number): () => void;
  /** Called when space becomes low, or sufficient again. */
  onChange(space: SpaceState): void;
}

/** The result of the last measurement. */
export interface SpaceState extends FileSystemSpace {
  isLow: boolean;
}

/** Whether space is low now, given whether it was before. Pure. */
export function isSpaceLow(freeBytes: number, thresholdBytes: number, wasLow: boolean): boolean {
  return freeBytes < (wasLow ? thresholdBytes * recoveredRatio : thresholdBytes);
}

/**
 * Watches the free space of a database's file system, one measurement at a time: a file system that does not answer
 * (such as a network one) is not asked again until it does.
 */
export class SpaceWatch {
  readonly #thresholdBytes: number;
  readonly #host: SpaceHost;
  #state: SpaceState | undefined;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(thresholdBytes: number, host: SpaceHost) {
    this.#thresholdBytes = thresholdBytes;
    this.#host = host;
  }

  /** Undefined until the first measurement ends. */
  get state(): SpaceState | undefined {
    return this.#state;
  }

  /** Starts with a measurement at once. */
  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    // A failed measurement leaves the state unchanged: the database must not fail because of it.
    const space = await this.#host.measure().catch(() => undefined);
    if (this.#isStopped) {
      return;
    }
    if (space !== undefined) {
      this.#note(space);
    }
    this.#cancel = this.#host.setTimer(() => void this.#look(), checkIntervalMs);
  }

  #note(space: FileSystemSpace): void {
    const wasLow = this.#state?.isLow ?? false;
    const isLow = isSpaceLow(space.freeBytes, this.#thresholdBytes, wasLow);
    this.#state = { ...space, isLow };
    if (isLow !== wasLow) {
      this.#host.onChange(this.#state);
    }
  }
}

/** Watches the space of an open database, if its environment can measure it and a threshold is set. */
export function watchSpace(
  database: { folder: string; options: { lowSpaceThreshold: number }; events: EventHub },
  environment: { measureSpace?(folder: string): Promise<FileSystemSpace> },
): SpaceWatch | undefined {
  const { folder, options, events } = database;
  const thresholdBytes = options.lowSpaceThreshold;
  if (environment.measureSpace === undefined || thresholdBytes === 0) {
    return undefined;
  }
  return new SpaceWatch(thresholdBytes, {
    measure: () => environment.measureSpace!(folder),
    setTimer: (call, delayMs) => {
      const timer = setTimeout(call, delayMs).unref();
      return () => clearTimeout(timer);
    },
    onChange: ({ isLow, freeBytes, totalBytes }) => {
      const reason = `${freeBytes} of ${totalBytes} bytes are free, ${isLow ? "less than" : "enough above"} the threshold of ${thresholdBytes}`;
      events.tell({ type: "space-low", isLow, path: folder, freeBytes, totalBytes, thresholdBytes, reason });
    },
  });
}
