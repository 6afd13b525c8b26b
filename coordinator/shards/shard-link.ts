/** The seam between the coordinator and whatever keeps a shard. */

import type { ProcessIdentity } from "../ownership/process-identity.js";

/** A connection to one shard: frames go out and come in, in order. */
export interface ShardLink {
  readonly pid: number;
  /** To be recorded in the owner file, so that who takes the database over can end it; undefined in-process. */
  readonly identity: ProcessIdentity | undefined;
  /** Goes into the open request, as proof of who asks. */
  readonly openToken: string;
  /**
   * The frame is not copied and must not change afterwards. It leaves with the others of this turn of the event loop, or `atOnce`,
   * with those in front of it.
   */
  send(frame: Buffer, atOnce?: boolean): void;
  /** What it sends cannot be understood: nothing more is taken from it, and `onDown` is told. */
  cutOff(reason: string): void;
  /** Ends it for sure, by force, and resolves when it is gone. */
  kill(): Promise<void>;
}

export interface ShardLinkEvents {
  /** The whole frames of one chunk. */
  onFrames(frames: Buffer[]): void;
  /** The shard is gone or cannot be reached any more; at most once, and not after `kill` was called. */
  onDown(reason: string): void;
  /** Somebody waits for what the shard will answer. */
  isAwaited(): boolean;
}

/** Starts shards. The child process is one implementation, an in-process one serves tests. */
export interface ShardLauncher {
  /** Where the shards' socket is, for the owner file; null where there is none. */
  readonly runtimeFolder: string | null;
  launch(shardIndex: number, events: ShardLinkEvents): Promise<ShardLink>;
  close(): Promise<void>;
}
