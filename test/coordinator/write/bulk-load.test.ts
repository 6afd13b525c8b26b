import v8 from "node:v8";
import { expect } from "chai";
import { BulkLoad, type BulkLoadHost } from "../../../coordinator/write/bulk-load.js";
import { collectGarbage } from "../../support/memory.js";

const host: BulkLoadHost = {
  shardCount: 2,
  request: async () => ({ meta: { keys: 0 }, raw: Buffer.alloc(0) }),
  begin: () => undefined,
  end: () => undefined,
  obstacle: () => undefined,
  commit: async () => undefined,
};

function heapBytes(): number {
  collectGarbage();
  return v8.getHeapStatistics().used_heap_size;
}

describe("A bulk load", () => {
  it("takes no more memory the longer its source lasts", async () => {
    const pulls = 100_000;
    let pulled = 0;
    let startBytes = 0;
    let endBytes = 0;
    await new BulkLoad(host, {}).run(async () => {
      pulled += 1;
      if (pulled === 1000) {
        startBytes = heapBytes();
      } else if (pulled === pulls) {
        endBytes = heapBytes();
      }
      return pulled === pulls;
    });
    expect((endBytes - startBytes) / pulls, "bytes for each pull").to.be.below(10);
  });

  it("that is stopped while its source is asked ends with that reason, whatever the source does", async () => {
    const load = new BulkLoad(host, {});
    const reason = new Error("stopped");
    const failure = await load
      .run(() => {
        load.stop(reason);
        return new Promise(() => undefined);
      })
      .catch((error: unknown) => error);
    expect(failure).to.equal(reason);
  });
});
