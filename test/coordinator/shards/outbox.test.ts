import { expect } from "chai";
import { Outbox } from "../../../coordinator/shards/outbox.js";
import { operationsFlag, readOperationsHeader } from "../../../shared/wire/frame.js";

const stamp = { flags: 0, timeMs: 0, logSyncedSequence: 0, confirmedSequence: 0 };
const megabyte = 1024 * 1024;

/** Sends `count` writes of a megabyte and gives back the last frame's flags. */
function sendMegabytes(outbox: Outbox, from: number, count: number): number {
  let flags = 0;
  for (let sequence = from; sequence < from + count; sequence++) {
    outbox.writeBatch(Buffer.alloc(megabyte), sequence, false);
    flags = readOperationsHeader(outbox.take({ ...stamp }, false)).flags;
  }
  return flags;
}

describe("what is on its way to a shard", () => {
  it("counts as in flight until the shard has taken it, and is retained until it is on disk", () => {
    const outbox = new Outbox();
    sendMegabytes(outbox, 1, 3);
    expect(outbox.inFlightBytes).to.be.greaterThan(3 * megabyte);
    outbox.noteWritten(2);
    expect(outbox.inFlightBytes).to.be.within(megabyte, 2 * megabyte);
    outbox.noteWritten(3);
    expect(outbox.inFlightBytes).to.equal(0);
    expect(outbox.retained.bytes).to.equal(3 * megabyte);
    outbox.retained.forget(3);
    expect(outbox.retained.bytes).to.equal(0);
  });

  it("asks for a sync, then has everybody wait for it, as the disk falls behind", () => {
    const outbox = new Outbox();
    expect(sendMegabytes(outbox, 1, 16) & operationsFlag.sync).to.equal(0);
    expect(sendMegabytes(outbox, 17, 2) & operationsFlag.sync).to.equal(operationsFlag.sync);
    expect(outbox.mustAwaitDisk).to.equal(false);
    sendMegabytes(outbox, 19, 50);
    expect(outbox.mustAwaitDisk).to.equal(true);
    outbox.retained.forget(40);
    expect(outbox.mustAwaitDisk).to.equal(false);
  });
});
