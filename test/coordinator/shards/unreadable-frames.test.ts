import { expect } from "chai";
import { encodeMessage, frameType } from "../../../shared/wire/frame.js";
import { finishPage, pageHeaderBytes } from "../../../shared/wire/page.js";
import { openShard } from "./open-shard.js";

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
      const { shard, receive, restarts } = await openShard();
      receive(frames());
      await new Promise((resolve) => setImmediate(resolve));
      expect(restarts).to.have.length(1);
      expect(restarts[0]).to.match(/sent what is no frame/);
      expect(shard.state).not.to.equal("up");
      await shard.kill();
    });
  }
});
