/** The interface between the coordinator and whatever runs a shard. */

import type { ProcessIdentity } from "../ownership/process-identity.js";

/** A connection to one shard. Frames are sent and received in order. */
export interface ShardLink {
  readonly pid: number;
  /** Recorded in the owner file, so that the next owner of the database can kill the process; undefined in-process. */
  readonly identity: ProcessIdentity | undefined;
  /** Part of the open request, as proof of who sends it. */
  readonly openToken: string;
  /**
   * Sends a frame. It is not copied and must not change afterwards. It is sent with the others of this turn of the
   * event loop or, with `atOnce`, now, together with those before it.
   */
  send(frame: Buffer, atOnce?: boolean): void;
  /** Called when its frames cannot be understood: receives nothing more, and reports `onDown`. */
  cutOff(reason: string): void;
  /** Kills the shard for certain. Resolves when it is gone. */
  kill(): Promise<void>;
}

export interface ShardLinkEvents {
  /** The complete frames of one chunk. */
  onFrames(frames: Buffer[]): void;
  /** The shard has ended or cannot be reached. Called at most once, and never after `kill`. */
  onDown(reason: string): void;
  /** Whether somebody waits for an answer of the shard. */
  isAwaited(): boolean;
}

/** Starts shards. One implementation uses child processes; an in-process one is for tests. */
export interface ShardLauncher {
  /** The folder of the shards' socket, for the owner file; null if there is none. */
  readonly runtimeFolder: string | null;
  launch(shardIndex: number, events: ShardLinkEvents): Promise<ShardLink>;
  close(): Promise<void>;
}
