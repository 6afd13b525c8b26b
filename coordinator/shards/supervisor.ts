import { FastKVError, type FastKVErrorCode } from "../../shared/errors.js";
import { RestartPolicy } from "./restart-policy.js";

export interface SupervisedShard {
  readonly index: number;
  /** "down" means that its process has ended and it must serve again; "closed" means that it must not. */
  readonly state: string;
  /** Starts a process, which then serves what the previous one did not. */
  start(): Promise<void>;
  /** Ends what is left of a process. */
  endProcess(): Promise<void>;
  onRestart(reason: string): void;
  /**
   * Called with an error if it cannot start because the disk is full; with undefined if that is not, or no longer, the
   * reason.
   */
  noteNoSpace(error: FastKVError | undefined): void;
  giveUp(error: FastKVError): void;
}

/** Restarts a shard when its process has ended, with growing pauses, until it serves or has died too often. */
export class Supervisor {
  restarts = 0;
  readonly #shard: SupervisedShard;
  readonly #policy = new RestartPolicy();
  #recovering: Promise<void> | undefined;

  constructor(shard: SupervisedShard) {
    this.#shard = shard;
  }

  /** Called when the process has ended. */
  recover(reason: string): void {
    this.#recovering ??= this.#recover(reason).finally(() => {
      this.#recovering = undefined;
      if (this.#shard.state === "down") {
        this.recover("ended as soon as it served");
      }
    });
  }

  /** Resolves when no start is in progress. */
  async settle(): Promise<void> {
    await this.#recovering;
  }

  async #recover(reason: string): Promise<void> {
    const shard = this.#shard;
    const policy = this.#policy;
    let lastReason = reason;
    let triesWithoutRoom = 0;
    await shard.endProcess();
    let pauseMs = policy.noteDeath(performance.now());
    while (pauseMs !== undefined) {
      if (pauseMs > 0) {
        const pause = pauseMs;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
      if (shard.state === "closed") {
        return;
      }
      // A full disk is reported once, however often the start is retried.
      if (triesWithoutRoom < 2) {
        shard.onRestart(lastReason);
        this.restarts += 1;
      }
      try {
        await shard.start();
        return;
      } catch (error) {
        await shard.endProcess();
        if (shard.state === "closed") {
          return;
        }
        if (hasCode(error, "FASTKV_CORRUPTION")) {
          shard.giveUp(error);
          return;
        }
        lastReason = error instanceof Error ? error.message : String(error);
        const noSpace = hasCode(error, "FASTKV_NO_SPACE") ? error : undefined;
        triesWithoutRoom = noSpace === undefined ? 0 : triesWithoutRoom + 1;
        shard.noteNoSpace(noSpace);
        pauseMs = noSpace === undefined ? policy.noteDeath(performance.now()) : policy.noteNoSpace();
      }
    }
    shard.giveUp(
      new FastKVError(
        "FASTKV_SHARD_UNAVAILABLE",
        `Shard ${shard.index} died ${policy.history} (last: it ${lastReason}). Close the database, see to the cause, and open it again.`,
      ),
    );
  }
}

function hasCode(error: unknown, code: FastKVErrorCode): error is FastKVError {
  return error instanceof FastKVError && error.code === code;
}
