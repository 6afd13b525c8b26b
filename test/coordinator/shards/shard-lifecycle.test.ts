import { expect } from "chai";
import { FastKVError, toErrorReport } from "../../../shared/errors.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import { encodeMessage, frameType, frameTypeOf } from "../../../shared/wire/frame.js";
import { rejection } from "../../support/errors.js";
import { openingId, openShard } from "./open-shard.js";

function onePut(): Buffer {
  const section = new OperationSection(64);
  const key = Buffer.from("key");
  section.append(
    { kind: operationKind.put, tag: 0, expiresAt: 0, logged: false, key, value: Buffer.alloc(0) },
    0,
  );
  return section.bytes();
}

describe("A shard that is given up", () => {
  /** Gives the shard up, and calls `beforeEnd` in the turn in which that happens. */
  async function giveUp(beforeEnd: (write: () => void) => void) {
    const opened = await openShard();
    const { client, shard } = opened;
    const corruption = new FastKVError("FASTKV_CORRUPTION", "A table is damaged");
    opened.onSent = (frame) => {
      if (frameTypeOf(frame) === frameType.request) {
        beforeEnd(() => client.writeBatch(onePut(), 1, false, false));
        opened.receive([encodeMessage(frameType.failure, openingId, toErrorReport(corruption))]);
      }
    };
    opened.end("was killed");
    expect(await opened.failed).to.deep.include({ code: "FASTKV_CORRUPTION" });
    return shard;
  }

  it("has close tell of a write that nobody waited for, also of one of the very same turn", async () => {
    const shard = await giveUp((write) => write());
    const error = await rejection(shard.close({ atOnce: false }));
    expect(error).to.deep.include({ code: "FASTKV_CORRUPTION", writeOutcome: "in-doubt" });
  });

  it("has close tell of nothing where nothing was written", async () => {
    const shard = await giveUp(() => undefined);
    await shard.close({ atOnce: false });
  });
});

describe("A shard that ends between its opening and its first call", () => {
  it("is not taken for one that serves", async () => {
    const { shard, end } = await openShard({ isResumed: false });
    end("was killed");
    expect(() => shard.resume(0)).to.throw(FastKVError, /ended before it served/);
  });
});
