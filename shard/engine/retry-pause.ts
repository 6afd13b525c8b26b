import { FastKVError } from "../../shared/errors.js";
import { backgroundRetryMs } from "./options.js";

export interface RetryPauseOwner {
  setTimer(call: () => void, delayMs: number): () => void;
  onFailed(error: unknown): void;
  /** The work may be tried again. */
  onOver(): void;
}

/** For one kind of background work that may fail for a while, as on a full disk: the pause until it is tried again. */
export class RetryPause {
  readonly #owner: RetryPauseOwner;
  #error: unknown;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(owner: RetryPauseOwner) {
    this.#owner = owner;
  }

  /** Nothing of its kind is to be started now. */
  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  /** What failed last, until the work succeeds. */
  get error(): unknown {
    return this.#error;
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

  /** No further pause begins. */
  stop(): void {
    this.#isStopped = true;
    this.#end();
  }

  #end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
