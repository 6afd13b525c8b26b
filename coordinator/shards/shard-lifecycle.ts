/** The lifecycle of one shard: its process is started, opens its files, serves, is restarted when it dies, and ends. */

import { type FastKVError, invariant, restated } from "../../shared/errors.js";
import type {
  CloseReply,
  OpenReply,
  OpenRequest,
  RecoverySummary,
  SettleReply,
} from "../../shared/wire/messages.js";
import type { ShardClient } from "./shard-client.js";
import { closedError, endedTooEarly, inDoubt, notSynced, outageOf } from "./shard-errors.js";
import type { ShardLauncher, ShardLink } from "./shard-link.js";
import { Supervisor } from "./supervisor.js";

/** The parameters with which a shard opens. */
export type OpenParameters = Omit<OpenRequest, "type" | "token" | "shardIndex">;

export interface ShardLifecycleOwner {
  openParameters(shardIndex: number, isFirst: boolean): OpenParameters;
  /** The shard's processes must be recorded before one may access its files. */
  onLaunched(): void;
  onRestart(shardIndex: number, reason: string): void;
  /**
   * The shard has opened its files, for the first time or again, `durationMs` after the start of its process was
   * requested.
   */
  onReady(shardIndex: number, durationMs: number, recovery: RecoverySummary): void;
  onFailed(shardIndex: number, error: FastKVError): void;
}

/**
 * "starting": for the first time; "up": it serves; "down": its process has ended and another is started; "failed": it
 * was given up; "closed": nothing is started any more.
 */
export type ShardState = "starting" | "up" | "down" | "failed" | "closed";

export class ShardLifecycle {
  readonly client: ShardClient;
  state: ShardState = "starting";
  readonly #launcher: ShardLauncher;
  readonly #owner: ShardLifecycleOwner;
  readonly #supervisor: Supervisor;
  #link: ShardLink | undefined;
  /** Whether the last link has ended. */
  #isLinkDown = false;
  #launchedAtMs = 0;
  /** Once set, nothing waits for disk space any more. */
  #isDatabaseClosing = false;
  /** The error with which `close` rejects: writes of this shard may be lost. */
  #loss: FastKVError | undefined;

  constructor(client: ShardClient, launcher: ShardLauncher, owner: ShardLifecycleOwner) {
    this.client = client;
    this.#launcher = launcher;
    this.#owner = owner;
    this.#supervisor = this.#newSupervisor();
  }

  get restarts(): number {
    return this.#supervisor.restarts;
  }

  get identity(): ShardLink["identity"] {
    return this.#link?.identity;
  }

  get #index(): number {
    return this.client.index;
  }

  // Start

  /** Starts the process. It does not access files before `open`. */
  async launch(): Promise<void> {
    const { client } = this;
    this.#isLinkDown = false;
    this.#launchedAtMs = performance.now();
    this.#link = await this.#launcher.launch(this.#index, {
      onFrames: (frames) => client.receive(frames),
      onDown: (reason) => this.#onDown(reason),
      isAwaited: () => client.isAwaited,
    });
    client.attach(this.#link);
  }

  /** Opens the shard's files. Until `resume`, the shard serves but keeps all versions. */
  async open(isFirst: boolean): Promise<OpenReply> {
    const link = this.#link;
    invariant(link !== undefined, "a shard is launched before it is opened");
    if (this.#isLinkDown) {
      throw endedTooEarly(this.#index);
    }
    const parameters = this.#owner.openParameters(this.#index, isFirst);
    const reply = await this.client.open({
      ...parameters,
      type: "open",
      token: link.openToken,
      shardIndex: this.#index,
    });
    this.#owner.onReady(this.#index, performance.now() - this.#launchedAtMs, reply.recovery);
    return reply;
  }

  /**
   * From now on the shard serves; it has everything up to `lastSequence`. Throws if it has ended since it was opened.
   */
  resume(lastSequence: number): void {
    if (this.#isLinkDown) {
      throw endedTooEarly(this.#index);
    }
    this.state = "up";
    this.client.resume(lastSequence);
    if (this.#isDatabaseClosing) {
      void this.#leaveIfOwing();
    }
  }

  // End

  /** The database is closing. What waits for space on a full disk would wait forever, so it fails as "in-doubt". */
  async leave(): Promise<void> {
    this.#isDatabaseClosing = true;
    this.client.sendGathered();
    this.#failWhatWaitsForRoom();
    await this.#leaveIfOwing();
  }

  /** Closing does not wait until a shard has disk space for what it has accepted. */
  async #leaveIfOwing(): Promise<void> {
    // Asks twice: the second time, the shard knows that its refusals were received.
    if (this.state === "up" && !(await this.#isSettled()) && !(await this.#isSettled())) {
      this.client.outage = outageOf(this.#index, "its log has no room for what it has taken");
      this.#failWhatWaitsForRoom();
    }
  }

  /** Returns false if the shard says that its WAL lacks writes that it has accepted. */
  async #isSettled(): Promise<boolean> {
    const reply = await this.client.request({ type: "settle" }).catch(() => undefined);
    return reply === undefined || (reply.meta as SettleReply).isSettled;
  }

  #failWhatWaitsForRoom(): void {
    const { outage } = this.client;
    if (!this.#isDatabaseClosing || outage === undefined) {
      return;
    }
    const ofWrites = inDoubt(outage);
    this.#noteLoss(ofWrites);
    this.client.rejectAll(outage, ofWrites);
    this.#leaveIfDown();
  }

  /**
   * When the database closes without disk space, retained writes are dropped. A shard that lacks them must not serve
   * again in this life, nor accept writes with higher numbers. The next start recovers it.
   */
  #leaveIfDown(): void {
    if (this.state === "down" && this.#isDatabaseClosing && this.client.outage !== undefined) {
      this.state = "closed";
    }
  }

  /**
   * Ends the shard. When this resolves, it has synced and closed everything. With `atOnce` (if what it waits for will
   * not come), it leaves its memtables to the next start. Rejects if writes that it accepted may be lost.
   */
  async close({ atOnce }: { atOnce: boolean }): Promise<void> {
    const hasRoom = this.client.outage === undefined;
    if (this.state === "up" || (this.state === "down" && hasRoom)) {
      await this.#closeProcess(atOnce || !hasRoom);
      this.#noteLoss(notSynced(this.#index));
    }
    await this.kill();
    if (this.#loss !== undefined) {
      throw this.#loss;
    }
  }

  async #closeProcess(atOnce: boolean): Promise<void> {
    const { client } = this;
    try {
      // Without disk space no process is started to which the request could be repeated.
      const isRepeatable = client.outage === undefined;
      const { meta } = await client.requestAnyway({ type: "close", atOnce }, { isRepeatable });
      client.noteSynced((meta as CloseReply).syncedSequence);
    } catch (error) {
      // The outage was already reported.
      if (client.outage === undefined) {
        throw inDoubt(error as FastKVError);
      }
    }
  }

  /** Retained writes are dropped: `close` reports that, unless all of them are in the batch log. */
  #noteLoss(error: FastKVError): void {
    if (this.client.retainsUnlogged) {
      this.#loss ??= error;
    }
  }

  /** Kills the process, if it has not ended. */
  async kill(): Promise<void> {
    if (this.state !== "failed") {
      this.state = "closed";
    }
    this.client.refuseAll(closedError());
    await this.#link?.kill();
    this.client.rejectAll(closedError(), closedError());
    await this.#supervisor.settle();
  }

  /** Gives the shard up: everything that waits fails for good. */
  #fail(error: FastKVError): void {
    if (this.state === "closed") {
      return;
    }
    // What was called in this same turn is retained, and counts.
    this.client.sendGathered();
    this.state = "failed";
    this.client.refuseAll(restated(error, { writeOutcome: "not-applied" }));
    this.#noteLoss(inDoubt(error));
    this.client.rejectAll(error, inDoubt(error));
    this.#owner.onFailed(this.#index, error);
  }

  // Supervision

  #onDown(reason: string): void {
    if (this.state === "closed" || this.state === "failed") {
      return;
    }
    this.#isLinkDown = true;
    const wasStarting = this.state === "starting";
    this.client.detach();
    this.state = "down";
    this.#leaveIfDown();
    // The caller handles an opening that fails.
    if (!wasStarting && this.state === "down") {
      this.#supervisor.recover(reason);
    }
  }

  #newSupervisor(): Supervisor {
    const lifecycle = this;
    return new Supervisor({
      index: this.#index,
      get state() {
        return lifecycle.state;
      },
      start: () => this.#startAgain(),
      endProcess: async () => this.#link?.kill(),
      onRestart: (reason) => this.#owner.onRestart(this.#index, reason),
      noteNoSpace: (error) => {
        this.client.outage = error && outageOf(this.#index, `it cannot start: ${error.message}`, error);
        this.#failWhatWaitsForRoom();
      },
      giveUp: (error) => this.#fail(error),
    });
  }

  async #startAgain(): Promise<void> {
    await this.launch();
    this.#checkNotClosed();
    this.#owner.onLaunched();
    const reply = await this.open(false);
    this.#checkNotClosed();
    this.resume(reply.lastSequence);
  }

  #checkNotClosed(): void {
    if (this.state === "closed") {
      throw closedError();
    }
  }
}
