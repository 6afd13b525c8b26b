import { expect } from "chai";
import { RestartPolicy } from "../../../coordinator/shards/restart-policy.js";

describe("the restarts of a shard", () => {
  it("come at once, then after growing pauses, then never", () => {
    const policy = new RestartPolicy();
    const pauses = [0, 1, 2, 3, 4, 5].map((second) => policy.noteDeath(second * 1000));
    expect(pauses).to.deep.equal([0, 80, 160, 320, 640, undefined]);
    expect(policy.history).to.equal("6 times within 30 s");
  });

  it("forget deaths that are long ago", () => {
    const policy = new RestartPolicy();
    const pauses = Array.from({ length: 20 }, (_, n) => policy.noteDeath(n * 30_000));
    expect(pauses).to.deep.equal(new Array(20).fill(0));
  });

  it("go on for as long as there is no room", () => {
    const policy = new RestartPolicy();
    policy.noteDeath(0);
    const pauses = Array.from({ length: 100 }, () => policy.noteNoSpace());
    expect(pauses).to.deep.equal(new Array(100).fill(500));
    expect(policy.noteDeath(1)).to.equal(0);
  });
});
