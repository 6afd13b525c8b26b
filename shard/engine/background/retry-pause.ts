import { FastKVError } from "../../../shared/errors.js";
import { backgroundRetryMs } from "../options.js";

export interface RetryPauseOwner {
  setTimer(call: () => void, delayMs: number): () => void;
  onFailed(error: unknown): void;
  /** The work may be tried again. */
  onOver(): void;
}

/** The pause before a kind of background work is tried again after a failure that may pass, such as a full disk. */
export class RetryPause {
  readonly #owner: RetryPauseOwner;
  #error: unknown;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(owner: RetryPauseOwner) {
    this.#owner = owner;
  }

  /** True while no work of this kind may start. */
  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  /** The last failure, until the work succeeds. */
  get error(): unknown {
    return this.#error;
  }

  /** Why the work cannot be done now. */
  get obstacle(): unknown {
    return (
      this.#error ??
      new FastKVError("FASTKV_IO", "The shard is closing and cannot flush. Open the database again.")
    );
  }

  failed(error: unknown): void {
    if (error instanceof FastKVError && error.code === "FASTKV_CLOSED") {
      return;
    }
    this.#error = error;
    this.#owner.onFailed(error);
    if (this.#isStopped) {
      return;
    }
    this.#cancel ??= this.#owner.setTimer(() => {
      this.#cancel = undefined;
      this.#owner.onOver();
    }, backgroundRetryMs);
  }

  succeeded(): void {
    this.#error = undefined;
    this.#end();
  }

  /** Ends the pause. No further one begins. */
  stop(): void {
    this.#isStopped = true;
    this.#end();
  }

  #end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
