import { expect } from "chai";
import { Arena } from "../../../../shard/engine/memtable/arena.js";

/** Rows keep the number of their chunk in 16 bits. */
const maxChunks = 65_536;

describe("An arena that holds far more than was expected", () => {
  it("has larger chunks then, so that their number stays small", () => {
    const arena = new Arena(64 * 1024);
    // More than half of a small chunk: none of these holds two.
    const section = Buffer.alloc(2100);
    let placed = arena.append(section, 1);
    const placedEvery: number[] = [];
    for (let count = 1; count < 20_000; count++) {
      section.writeUInt32LE(count);
      placed = arena.append(section, count + 1);
      if (count % 1000 === 0) {
        placedEvery.push(count);
        expect(arena.buffer(placed.chunk).readUInt32LE(placed.start)).to.equal(count);
      }
    }
    expect(placedEvery).to.have.length(19);
    expect(arena.share().chunks.length).to.be.within(4096, 10_000);
    // Each 4,096 chunks come to twice as much as those before: 16 times that is more than any machine has.
    expect(4096 * 16).to.be.at.most(maxChunks);
  });
});
