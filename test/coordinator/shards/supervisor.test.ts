import { expect } from "chai";
import { type SupervisedShard, Supervisor } from "../../../coordinator/shards/supervisor.js";
import { FastKVError } from "../../../shared/errors.js";

describe("The supervisor of a shard", function () {
  this.timeout(20_000);

  it("tells of each start, but of tries on a full disk only once", async () => {
    const noRoom = (): Error => new FastKVError("FASTKV_NO_SPACE", "no room");
    const outcomes = [noRoom(), noRoom(), noRoom(), new Error("died"), noRoom(), noRoom(), undefined];
    const told: string[] = [];
    let starts = 0;
    const shard = {
      index: 0,
      state: "down",
      start: async () => {
        const outcome = outcomes[starts];
        starts += 1;
        if (outcome !== undefined) {
          throw outcome;
        }
        shard.state = "up";
      },
      endProcess: async () => undefined,
      onRestart: (reason) => told.push(reason),
      noteNoSpace: () => undefined,
      giveUp: () => expect.fail("it was given up"),
    } satisfies SupervisedShard as SupervisedShard & { state: string };
    const supervisor = new Supervisor(shard);
    supervisor.recover("was ended by SIGKILL");
    await supervisor.settle();
    expect(starts).to.equal(outcomes.length);
    expect(told).to.deep.equal(["was ended by SIGKILL", "no room", "died", "no room"]);
    expect(supervisor.restarts).to.equal(4);
  });
});
