import { expect } from "chai";
import { PendingWrites } from "../../../coordinator/shards/pending-writes.js";
import { FastKVError } from "../../../shared/errors.js";

const everything = { written: Number.POSITIVE_INFINITY, synced: Number.POSITIVE_INFINITY };
const lost = new FastKVError("FASTKV_IO", "lost");

/** Writes with the sequence numbers 1 to `count`; what comes of each is noted under its number. */
function writesOf(count: number, synced: readonly number[] = []) {
  const writes = new PendingWrites();
  const done: string[] = [];
  for (let sequence = 1; sequence <= count; sequence++) {
    const resolve = (): void => void done.push(`${sequence}`);
    const reject = (): void => void done.push(`${sequence} failed`);
    writes.add({ sequence, resolve, reject }, synced.includes(sequence));
  }
  return { writes, done };
}

describe("writes that wait for their acknowledgement", () => {
  it("are acknowledged when the shard has written them, or has them on disk", () => {
    const { writes, done } = writesOf(4, [2]);
    writes.settle({ written: 3, synced: 0 }, everything);
    expect(done).to.deep.equal(["1", "3"]);
    writes.settle({ written: 4, synced: 4 }, everything);
    expect(done).to.deep.equal(["1", "3", "4", "2"]);
    expect(writes.isEmpty).to.equal(true);
  });

  it("wait behind a batch until its record is as durable as they want to be", () => {
    const { writes, done } = writesOf(4, [4]);
    writes.noteLogged(2);
    const shard = { written: 4, synced: 4 };
    writes.settle(shard, { written: 1, synced: 1 });
    expect(done).to.deep.equal(["1"]);
    writes.settle(shard, { written: 2, synced: 1 });
    expect(done).to.deep.equal(["1", "2", "3"]);
    expect(writes.waitsForLog).to.equal(true);
    expect(writes.noteLogSynced(2)).to.equal(true);
    expect(writes.noteLogSynced(3)).to.equal(false);
    writes.settle(shard, { written: 2, synced: 2 });
    expect(done).to.deep.equal(["1", "2", "3", "4"]);
    expect(writes.waitsForLog).to.equal(false);
  });

  it("fail when they are refused, but for barriers", () => {
    const { writes, done } = writesOf(3);
    writes.add({ sequence: 2, isBarrier: true, resolve: () => done.push("barrier"), reject: () => {} }, true);
    writes.refuse(2, 3, lost);
    expect(done).to.deep.equal(["2 failed", "3 failed"]);
    writes.settle({ written: 3, synced: 3 }, everything);
    expect(done).to.deep.equal(["2 failed", "3 failed", "1", "barrier"]);
  });

  it("fail behind a batch that the log will never have", () => {
    const { writes, done } = writesOf(4, [3]);
    writes.noteLogged(2);
    writes.noteLogged(4);
    writes.failBehindLog({ written: 2, synced: 1 }, lost);
    expect(done).to.deep.equal(["4 failed", "3 failed"]);
    writes.rejectAll(lost);
    expect(done).to.deep.equal(["4 failed", "3 failed", "1 failed", "2 failed"]);
  });
});
