import type { FileSystemSpace } from "../../shared/storage/file-system-space.js";
import type { EventDesk } from "./event-desk.js";

/** How often the free space is looked up. */
const checkIntervalMs = 10_000;
/** Low space is over only when there is so much more than the threshold: else each flush would tell of it anew. */
const recoveredRatio = 1.25;

export interface SpaceHost {
  measure(): Promise<FileSystemSpace>;
  /** Calls once, later; what it gives back cancels that. It must not keep the program running. */
  setTimer(call: () => void, delayMs: number): () => void;
  /** There has become too little, or enough again. */
  onChange(space: SpaceState): void;
}

/** What was found at the last look. */
export interface SpaceState extends FileSystemSpace {
  isLow: boolean;
}

/** Pure: whether space is low now, given whether it was. */
export function isSpaceLow(freeBytes: number, thresholdBytes: number, wasLow: boolean): boolean {
  return freeBytes < (wasLow ? thresholdBytes * recoveredRatio : thresholdBytes);
}

/**
 * Looks at the free space of a database's file system, one look at a time: a file system that does not answer (a
 * network's, say) is asked again only when it has.
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

  /** Undefined before the first look has ended. */
  get state(): SpaceState | undefined {
    return this.#state;
  }

  /** The first look is now. */
  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    // What cannot be measured is as it was: a database must not fail for that.
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

/** Watches the space of an open database, where its environment can say how much there is and a threshold is set. */
export function watchSpace(
  database: { folder: string; options: { lowSpaceThreshold: number }; events: EventDesk },
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
