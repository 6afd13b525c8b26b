/**
 * Shards in this process: real `ShardServer`s over any file system, with frames delivered in order on later turns of
 * the event loop, as a socket does. One can be killed: its frames vanish and its files are closed to it.
 */

import type { ShardLauncher, ShardLink, ShardLinkEvents } from "../../coordinator/shards/shard-link.js";
import { type Job, type JobResult, runJob } from "../../shard/engine/jobs/job.js";
import type { JobRunner } from "../../shard/engine/jobs/job-runner.js";
import { ShardServer } from "../../shard/shard-server.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { ShardSettings } from "../../shared/wire/messages.js";
import { KillableFileSystem } from "./killable-file-system.js";

/** What a background job is for. */
export type JobPurpose = "flush" | "compaction" | "bulk load";

export interface InProcessOptions {
  /** Changes what the coordinator asks for, such as triggers that are no options. */
  settings?: Partial<ShardSettings>;
  onJob?: (purpose: JobPurpose | undefined) => void;
}

/** A timer of a shard in turns of the event loop, so that no test waits for the clock. */
function afterTurns(call: () => void, delayMs: number): () => void {
  let turns = Math.min(32, Math.ceil(delayMs));
  let immediate: NodeJS.Immediate | undefined;
  const turn = (): void => {
    turns -= 1;
    if (turns < 0) {
      call();
    } else {
      immediate = setImmediate(turn);
    }
  };
  turn();
  return () => clearImmediate(immediate);
}

/** Does jobs at once, and says what for. */
class WatchedJobRunner implements JobRunner {
  readonly #files: FileSystem;
  readonly #onJob: (purpose: JobPurpose | undefined) => void;

  constructor(files: FileSystem, onJob: (purpose: JobPurpose | undefined) => void) {
    this.#files = files;
    this.#onJob = onJob;
  }

  async run(job: Job): Promise<JobResult> {
    await new Promise((resolve) => setImmediate(resolve));
    const ofTree = job.kind === "flush" ? "flush" : "compaction";
    this.#onJob(job.output.zeroSequence ? "bulk load" : ofTree);
    const result = runJob(this.#files, job);
    this.#onJob(undefined);
    return result;
  }

  async close(): Promise<void> {}
}

class InProcessShard implements ShardLink {
  readonly pid: number;
  readonly identity = undefined;
  readonly openToken = "";
  readonly #events: ShardLinkEvents;
  readonly #files: KillableFileSystem;
  readonly #server: ShardServer;
  #toShard: Buffer[] = [];
  #toCoordinator: Buffer[] = [];
  #isDead = false;

  constructor(pid: number, files: FileSystem, events: ShardLinkEvents, options: InProcessOptions) {
    this.pid = pid;
    this.#events = events;
    this.#files = new KillableFileSystem(files);
    this.#server = new ShardServer({
      fileSystem: this.#files,
      makeJobRunner: (settings) => {
        Object.assign(settings, options.settings);
        return new WatchedJobRunner(this.#files, options.onJob ?? (() => undefined));
      },
      send: (frame) => this.#answer(frame),
      setTimer: (call, delayMs) => afterTurns(() => this.#isDead || this.#attempt(call), delayMs),
      monotonicMs: () => 0,
      loopDelay: () => ({ p99: 0, p999: 0, max: 0 }),
      onFatal: (error) => this.#fail(error),
      onClosed: () => undefined,
    });
  }

  send(frame: Buffer): void {
    this.#toShard.push(frame);
    if (this.#toShard.length === 1) {
      setImmediate(() => {
        const frames = this.#toShard;
        this.#toShard = [];
        if (!this.#isDead) {
          this.#attempt(() => this.#server.receive(frames));
        }
      });
    }
  }

  cutOff(reason: string): void {
    this.die(reason);
  }

  async kill(): Promise<void> {
    this.#isDead = true;
    this.#files.kill();
  }

  /** As by kill -9: nobody told it, and the coordinator learns of it a turn later. */
  die(reason: string): void {
    if (!this.#isDead) {
      void this.kill();
      setImmediate(() => this.#events.onDown(reason));
    }
  }

  #answer(frame: Buffer): void {
    this.#toCoordinator.push(frame);
    if (this.#toCoordinator.length === 1) {
      setImmediate(() => {
        const frames = this.#toCoordinator;
        this.#toCoordinator = [];
        if (!this.#isDead) {
          this.#events.onFrames(frames);
        }
      });
    }
  }

  #attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Its process ends by itself; what it sent before still arrives. */
  #fail(error: unknown): void {
    setImmediate(() => this.die(`failed: ${error instanceof Error ? error.message : String(error)}`));
  }
}

export class InProcessLauncher implements ShardLauncher {
  readonly runtimeFolder = null;
  readonly #files: FileSystem;
  readonly #options: InProcessOptions;
  readonly #shards = new Map<number, InProcessShard>();
  #launched = 0;

  constructor(files: FileSystem, options: InProcessOptions = {}) {
    this.#files = files;
    this.#options = options;
  }

  async launch(shardIndex: number, events: ShardLinkEvents): Promise<ShardLink> {
    this.#launched += 1;
    const shard = new InProcessShard(this.#launched, this.#files, events, this.#options);
    this.#shards.set(shardIndex, shard);
    return shard;
  }

  kill(shardIndex: number): void {
    this.#shards.get(shardIndex)?.die("was killed by the test");
  }

  /** The machine is down: no process does anything any more, and nobody is told. */
  async close(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((shard) => shard.kill()));
  }
}
