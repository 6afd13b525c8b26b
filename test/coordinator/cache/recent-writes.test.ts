import { expect } from "chai";
import { RecentWrites } from "../../../coordinator/cache/recent-writes.js";

describe("RecentWrites", () => {
  it("tells of writes to a range since a mark, and of none before", () => {
    const trail = new RecentWrites();
    trail.note("b");
    const mark = trail.mark;
    expect(trail.touches(mark, "", null)).to.equal(false);
    trail.note("d");
    expect(trail.touches(mark, "a", "d")).to.equal(false);
    expect(trail.touches(mark, "a", "d\0")).to.equal(true);
    expect(trail.touches(mark, "d", null)).to.equal(true);
    expect(trail.touches(mark, "e", null)).to.equal(false);
    expect(trail.touches(trail.mark, "", null)).to.equal(false);
  });

  it("takes everything for written behind writes that it does not know, and behind too many", () => {
    const trail = new RecentWrites();
    for (const write of [() => trail.noteMany(), () => trail.note("x".repeat(5000))]) {
      const mark = trail.mark;
      write();
      expect(trail.touches(mark, "a", "b")).to.equal(true);
      expect(trail.touches(trail.mark, "a", "b")).to.equal(false);
    }
    const mark = trail.mark;
    for (let write = 0; write < 256; write++) {
      trail.note("z");
    }
    expect(trail.touches(mark, "a", "b")).to.equal(false);
    trail.note("z");
    expect(trail.touches(mark, "a", "b")).to.equal(true);
  });
});
