import { expect } from "chai";
import { Arena } from "../../../../shard/engine/memtable/arena.js";

describe("An arena that holds far more than was expected", () => {
  it("has larger chunks then, so that their number, which rows keep in 16 bits, stays small", () => {
    const arena = new Arena(64 * 1024);
    // More than half of a small chunk: none of these holds two.
    const section = Buffer.alloc(2100);
    for (let count = 0; count < 20_000; count++) {
      section.writeUInt32LE(count);
      const placed = arena.append(section, count + 1);
      expect(arena.buffer(placed.chunk).readUInt32LE(placed.start)).to.equal(count);
    }
    expect(arena.share().chunks.length).to.be.within(4096, 10_000);
  });
});
