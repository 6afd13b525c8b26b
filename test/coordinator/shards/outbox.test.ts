import { expect } from "chai";
import { Outbox } from "../../../coordinator/shards/outbox.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";

function onePut(): Buffer {
  const section = new OperationSection(64);
  const put = { kind: operationKind.put, tag: 0, expiresAt: 0, logged: false };
  section.append({ ...put, key: Buffer.from("k"), value: Buffer.from("v") }, 0);
  return section.bytes();
}

function stamp() {
  return { flags: 0, timeMs: 0, logSyncedSequence: 0, confirmedSequence: 0 };
}

/** Writes from `first` on, until the frame is due; how many they were, at most 1,000. */
function writesUntilDue(outbox: Outbox, first: number): number {
  let writes = 0;
  while (!outbox.isDue && writes < 1000) {
    outbox.writeBatch(onePut(), first + writes, false);
    writes += 1;
  }
  return writes;
}

describe("What is on its way to a shard", () => {
  it("is sent with each 32 writes, till the shard has enough before it, and again when it has taken some", () => {
    const outbox = new Outbox();
    for (let frame = 0; frame < 5; frame++) {
      expect(writesUntilDue(outbox, frame * 32 + 1)).to.equal(32);
      outbox.take(stamp(), false);
    }
    expect(writesUntilDue(outbox, 161)).to.equal(1000);
    outbox.take(stamp(), false);
    outbox.noteWritten(160);
    expect(writesUntilDue(outbox, 1161), "1,000 are on their way").to.equal(1000);
    outbox.take(stamp(), false);
    outbox.noteWritten(2160);
    expect(writesUntilDue(outbox, 2161)).to.equal(32);
  });

  it("waits for the end of the turn where it is to be synced", () => {
    const outbox = new Outbox();
    outbox.wantSync();
    expect(writesUntilDue(outbox, 1)).to.equal(1000);
    outbox.take(stamp(), false);
    outbox.noteWritten(1000);
    expect(writesUntilDue(outbox, 1001)).to.equal(32);
  });
});
