import { expect } from "chai";
import { walName } from "../../../shard/engine/file-names.js";
import { Wal } from "../../../shard/engine/log/wal.js";
import { findShortSegment } from "../../../shard/engine/log/wal-start.js";
import { itWithRandom } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

const folder = "/shard";
const shard = { databaseId: new Uint8Array(16).fill(1), shardIndex: 0, epoch: 1 };

describe("The rotation of a WAL", () => {
  itWithRandom("syncs also what is owed and written to the old segment meanwhile", async (random) => {
    for (let round = 0; round < 40; round++) {
      const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
      const writer = Wal.createSegment(disk, folder, shard, 1);
      writer.sync();
      const wal = new Wal(disk, folder, shard, { writer, number: 1 }, 0);
      await wal.prepareNext(2, async () => undefined);
      wal.append(Buffer.alloc(20_000, 1), 1, 0);
      const rotation = wal.rotate(0);
      for (let turns = random.int(4); turns > 0; turns--) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      wal.append(Buffer.alloc(20_000, 2), 2, 0);
      await rotation;
      const { segmentNumber } = wal;
      expect(segmentNumber).to.equal(2);
      await wal.sync();
      const after = disk.crash(random);
      expect(after.exists(`${folder}/${walName(1)}`)).to.equal(true);
      expect(findShortSegment(after, folder, shard, [1, 2])).to.equal(undefined);
    }
  });
});
