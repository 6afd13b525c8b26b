import { expect } from "chai";
import { ShardClient, type ShardClientOwner } from "../../../coordinator/shards/shard-client.js";
import type { ShardLauncher, ShardLink, ShardLinkEvents } from "../../../coordinator/shards/shard-link.js";
import { encodeMessage, frameType } from "../../../shared/wire/frame.js";
import { finishPage, pageHeaderBytes } from "../../../shared/wire/page.js";

const openingId = 0xffff_ffff;

/** A client that is up, with a link that is no process. */
async function openClient(): Promise<{
  client: ShardClient;
  receive(frames: Buffer[]): void;
  told: string[];
}> {
  let events: ShardLinkEvents | undefined;
  const told: string[] = [];
  const link: ShardLink = {
    pid: 1,
    identity: undefined,
    openToken: "",
    send: () => undefined,
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
  const owner: ShardClientOwner = {
    nowMs: () => 1,
    openParameters: () => ({}) as never,
    heldSnapshots: () => [],
    keptLoads: () => [],
    isHeld: () => true,
    logWritten: () => 0,
    logSynced: () => 0,
    hasLogOutage: () => false,
    tellHolds: nothing,
    wantLogSync: nothing,
    onLaunched: nothing,
    onSynced: nothing,
    onEvent: nothing,
    onRestart: (_, reason) => told.push(reason),
    onReady: nothing,
    onFailed: nothing,
  };
  const client = new ShardClient(0, launcher, owner, 1e9);
  await client.launch();
  const opening = client.open(true);
  events!.onFrames([encodeMessage(frameType.reply, openingId, { lastSequence: 0, timeMs: 0, recovery: {} })]);
  await opening;
  client.resume(0);
  return { client, receive: (frames) => events!.onFrames(frames), told };
}

/** So large that what stands behind it waits for the next turn of the event loop. */
function largePage(): Buffer {
  const frame = Buffer.alloc(70_000);
  const valueBytes = frame.length - pageHeaderBytes;
  finishPage(frame, 1, { entries: 0, valueBytes, keyBytes: 0, rest: null });
  return frame;
}

function unreadable(): Buffer {
  return encodeMessage(frameType.reply, 1, {}).subarray(0, 9);
}

describe("A frame that a shard client cannot read", () => {
  const cases = {
    "by itself": () => [unreadable()],
    "with another one behind it": () => [unreadable(), unreadable()],
    "behind a page, on a later turn": () => [largePage(), unreadable()],
  };
  for (const [what, frames] of Object.entries(cases)) {
    it(`has the shard started anew, ${what}`, async () => {
      const { client, receive, told } = await openClient();
      receive(frames());
      await new Promise((resolve) => setImmediate(resolve));
      expect(told).to.have.length(1);
      expect(told[0]).to.match(/sent what is no frame/);
      expect(client.state).not.to.equal("up");
      await client.kill();
    });
  }
});
