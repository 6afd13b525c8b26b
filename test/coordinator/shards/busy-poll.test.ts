import { expect } from "chai";
import { BusyPoll } from "../../../coordinator/shards/busy-poll.js";

/** A shard that counts how often it was looked at. */
class WatchedShard {
  looks = 0;
  isPending = true;

  get isAwaited(): boolean {
    this.looks += 1;
    return this.isPending;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function turnsFor(ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    await turns(1);
  }
}

describe("BusyPoll", () => {
  it("watches for an answer, and no longer than it may", async () => {
    const shard = new WatchedShard();
    const poll = new BusyPoll([shard], 2);
    poll.noteSent();
    await turns(2);
    expect(shard.looks).to.be.above(1);
    await turnsFor(1);
    const { looks } = shard;
    await turns(20);
    expect(shard.looks).to.equal(looks);
  });

  it("goes on while answers come", async () => {
    const shard = new WatchedShard();
    const poll = new BusyPoll([shard], 2);
    poll.noteSent();
    const endMs = performance.now() + 3;
    let looks = 0;
    while (performance.now() < endMs) {
      poll.noteReceived();
      looks = shard.looks;
      await turns(1);
    }
    expect(shard.looks).to.be.above(looks);
  });

  it("ends where nobody waits any more", async () => {
    const shard = new WatchedShard();
    const poll = new BusyPoll([shard], 2);
    poll.noteSent();
    shard.isPending = false;
    await turns(2);
    const { looks } = shard;
    await turns(5);
    expect(shard.looks).to.equal(looks);
  });

  it("leaves the processors to shards that need them all", async () => {
    const shards = [new WatchedShard(), new WatchedShard()];
    const poll = new BusyPoll(shards, 2);
    poll.noteSent();
    await turns(5);
    expect(shards.map(({ looks }) => looks)).to.deep.equal([1, 1]);
    shards[0]!.isPending = false;
    poll.noteSent();
    await turns(2);
    expect(shards[1]!.looks).to.be.above(2);
  });

  it("tries less and less often where answers come late", async () => {
    const shard = new WatchedShard();
    const poll = new BusyPoll([shard], 2);
    let tries = 0;
    for (let sent = 0; sent < 60; sent++) {
      const before = shard.looks;
      poll.noteSent();
      await turnsFor(0.3);
      tries += shard.looks > before + 1 ? 1 : 0;
    }
    // After 0, 1, 3, 7, 15 and 31 chances that were left out.
    expect(tries).to.be.within(3, 6);
  });
});
