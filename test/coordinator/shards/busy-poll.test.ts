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

/** A clock that stands until it is set. */
class Scene {
  nowMs = 0;
  readonly shards: WatchedShard[];
  readonly poll: BusyPoll;

  constructor(shards: number) {
    this.shards = Array.from({ length: shards }, () => new WatchedShard());
    this.poll = new BusyPoll(this.shards, { processors: 2, now: () => this.nowMs });
  }

  get looks(): number {
    return this.shards[0]!.looks;
  }

  /** Whether the poll looks at its shards in each of the next turns of the event loop. */
  async isPolling(): Promise<boolean> {
    await turns(1);
    const before = this.looks;
    await turns(5);
    expect(this.looks - before).to.be.oneOf([0, 5]);
    return this.looks > before;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("BusyPoll", () => {
  const scenes: Scene[] = [];

  function newScene(shards: number): Scene {
    const scene = new Scene(shards);
    scenes.push(scene);
    return scene;
  }

  // One that stands still in time would go on for ever.
  afterEach(async () => {
    for (const scene of scenes.splice(0)) {
      scene.nowMs = Number.POSITIVE_INFINITY;
      expect(await scene.isPolling()).to.equal(false);
    }
  });

  it("watches for an answer, and no longer than it may", async () => {
    const scene = newScene(1);
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(true);
    scene.nowMs += 0.1;
    expect(await scene.isPolling()).to.equal(true);
    scene.nowMs += 0.2;
    expect(await scene.isPolling()).to.equal(false);
  });

  it("goes on while answers come", async () => {
    const scene = newScene(1);
    scene.poll.noteSent();
    for (let answer = 0; answer < 10; answer++) {
      scene.nowMs += 0.15;
      scene.poll.noteReceived();
      scene.poll.noteSent();
      expect(await scene.isPolling()).to.equal(true);
    }
  });

  it("ends where nobody waits any more", async () => {
    const scene = newScene(1);
    scene.poll.noteSent();
    scene.shards[0]!.isPending = false;
    expect(await scene.isPolling()).to.equal(false);
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(false);
  });

  it("leaves the processors to shards that need them all", async () => {
    const scene = newScene(2);
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(false);
    scene.shards[1]!.isPending = false;
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(true);
    scene.shards[1]!.isPending = true;
    expect(await scene.isPolling()).to.equal(false);
  });

  it("tries less and less often where answers come late, and at once again when they do not", async () => {
    const scene = newScene(1);
    const tries: number[] = [];
    for (let sent = 0; sent < 60; sent++) {
      scene.poll.noteSent();
      if (await scene.isPolling()) {
        tries.push(sent);
        scene.nowMs += 1;
        await turns(1);
      }
      // Behind the end of the poll.
      scene.poll.noteReceived();
    }
    expect(tries).to.deep.equal([0, 2, 6, 14, 30]);
    let chances = 0;
    do {
      scene.poll.noteReceived();
      scene.poll.noteSent();
      chances += 1;
    } while (!(await scene.isPolling()));
    expect(chances).to.equal(3);
    scene.poll.noteReceived();
    scene.nowMs += 1;
    await turns(1);
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(false);
    scene.poll.noteReceived();
    scene.poll.noteSent();
    expect(await scene.isPolling()).to.equal(true);
  });

  for (const [polledMs, sleptMs, share] of [
    [0.04, 0.06, "mostly"],
    [0.06, 0.04, "hardly ever"],
  ] as const) {
    it(`polls ${share} where that takes ${polledMs} ms and sleeping ${sleptMs}`, async () => {
      const scene = newScene(1);
      const exchanges = 64 * 32 * 3;
      let polls = 0;
      for (let exchange = 0; exchange < exchanges; exchange++) {
        scene.poll.noteSent();
        const before = scene.looks;
        await turns(1);
        const isPolling = scene.looks > before;
        polls += isPolling ? 1 : 0;
        scene.nowMs += isPolling ? polledMs : sleptMs;
        scene.poll.noteReceived();
      }
      expect(polls / exchanges).to.be.within(
        ...((polledMs < sleptMs ? [0.9, 0.99] : [0.01, 0.1]) as [number, number]),
      );
    });
  }
});
