/** A shard with a link that is no process: a test sends what it would. */

import { ShardClient, type ShardClientOwner } from "../../../coordinator/shards/shard-client.js";
import { ShardLifecycle, type ShardLifecycleOwner } from "../../../coordinator/shards/shard-lifecycle.js";
import type { ShardLauncher, ShardLink, ShardLinkEvents } from "../../../coordinator/shards/shard-link.js";
import type { FastKVError } from "../../../shared/errors.js";
import { encodeMessage, frameType } from "../../../shared/wire/frame.js";

export const openingId = 0xffff_ffff;

export interface OpenedShard {
  client: ShardClient;
  shard: ShardLifecycle;
  /** What the process would send, and that it has ended. */
  receive(frames: Buffer[]): void;
  end(reason: string): void;
  /** Called with each frame that is sent to it. */
  onSent: (frame: Buffer) => void;
  /** Why it was started anew, each time. */
  restarts: string[];
  /** Resolves when it is given up, with why. */
  failed: Promise<FastKVError>;
}

/** One that is up, or with `isResumed` false has only opened its files. */
export async function openShard({ isResumed = true } = {}): Promise<OpenedShard> {
  let events: ShardLinkEvents | undefined;
  const restarts: string[] = [];
  let onFailed: ((error: FastKVError) => void) | undefined;
  const failed = new Promise<FastKVError>((resolve) => {
    onFailed = resolve;
  });
  const link: ShardLink = {
    pid: 1,
    identity: undefined,
    openToken: "",
    send: (frame) => opened.onSent(frame),
    cutOff: (reason) => events!.onDown(reason),
    kill: async () => undefined,
  };
  const launcher: ShardLauncher = {
    runtimeFolder: null,
    launch: async (_, given) => {
      events = given;
      return link;
    },
    close: async () => undefined,
  };
  const nothing = (): undefined => undefined;
  const owner: ShardClientOwner & ShardLifecycleOwner = {
    nowMs: () => 1,
    openParameters: () => ({}) as never,
    heldSnapshots: () => [],
    keptLoads: () => [],
    isHeld: () => true,
    logWritten: () => 0,
    logSynced: () => 0,
    hasLogOutage: () => false,
    announceHolds: nothing,
    wantLogSync: nothing,
    onLaunched: nothing,
    onSynced: nothing,
    onEvent: nothing,
    onRestart: (_, reason) => restarts.push(reason),
    onReady: nothing,
    onFailed: (_, error) => onFailed!(error),
  };
  const client = new ShardClient(0, owner, 1e9);
  const shard = new ShardLifecycle(client, launcher, owner);
  const opened: OpenedShard = {
    client,
    shard,
    receive: (frames) => events!.onFrames(frames),
    end: (reason) => events!.onDown(reason),
    onSent: nothing,
    restarts,
    failed,
  };
  await shard.launch();
  const opening = shard.open(true);
  opened.receive([encodeMessage(frameType.reply, openingId, { lastSequence: 0, timeMs: 0, recovery: {} })]);
  await opening;
  if (isResumed) {
    shard.resume(0);
  }
  return opened;
}
