import { expect } from "chai";
import { ScratchBuffers } from "../../../../shard/engine/table/scratch-buffers.js";

describe("scratch buffers", () => {
  it("are different ones until they are reset, then the same again, where they are large enough", () => {
    const buffers = new ScratchBuffers();
    const first = [1000, 70_000, 5].map((bytes) => buffers.take(bytes));
    expect(first.map((buffer, at) => buffer.length >= [1000, 70_000, 5][at]!)).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect(new Set(first).size).to.equal(3);
    buffers.reset();
    const again = [16_384, 70_001, 1].map((bytes) => buffers.take(bytes));
    expect(again.map((buffer, at) => buffer === first[at])).to.deep.equal([true, true, true]);
    buffers.reset();
    const larger = buffers.take(20_000);
    expect(larger.length).to.be.at.least(20_000);
    buffers.reset();
    expect(buffers.take(1)).to.equal(larger);
  });

  it("keep no more than 4 MiB, however many are taken", () => {
    const buffers = new ScratchBuffers();
    const take = (): Set<unknown> => {
      buffers.reset();
      return new Set(Array.from({ length: 1000 }, () => buffers.take(16_384)));
    };
    const first = take();
    const again = [...take()].filter((buffer) => first.has(buffer));
    expect(first.size).to.equal(1000);
    expect(again).to.have.lengthOf((4 * 1024 * 1024) / 16_384);
  });
});
