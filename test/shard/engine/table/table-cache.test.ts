import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { TableCache } from "../../../../shard/engine/table/table-cache.js";
import { NodeFileSystem } from "../../../../shared/storage/node-file-system.js";
import { expectError, get, headerOf, put, readForwards, writeTable } from "./support.js";

describe("table cache", () => {
  const fileSystem = new NodeFileSystem();
  let folder = "";
  let tables: TableCache;
  const pathOf = (fileNumber: number): string => path.join(folder, `${fileNumber}.table`);

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "fastkv-table-"));
    for (let fileNumber = 1; fileNumber <= 6; fileNumber += 1) {
      writeTable(fileSystem, [put(`key${fileNumber}`, 1, "value")], {}, pathOf(fileNumber), fileNumber);
    }
    tables = new TableCache(fileSystem, pathOf, headerOf, new BlockCache(1_000_000), 2);
  });

  afterEach(() => {
    tables.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("opens tables when they are needed and closes those unused for longest", () => {
    const first = tables.get(1);
    for (let fileNumber = 1; fileNumber <= 6; fileNumber += 1) {
      expect(get(tables.get(fileNumber), `key${fileNumber}`, 1)?.value).to.equal("value");
      expect(tables.openTables).to.be.at.most(2);
    }
    expect(tables.get(1)).to.not.equal(first);
    expect(tables.memoryBytes).to.be.greaterThan(0);
  });

  it("finds the blocks of a table again that was closed in between", () => {
    get(tables.get(1), "key1", 1);
    tables.get(2);
    tables.get(3);
    const { blockReads } = tables.statistics;
    expect(get(tables.get(1), "key1", 1)?.value).to.equal("value");
    expect(tables.statistics.blockReads).to.equal(blockReads);
  });

  it("does not close a pinned table", () => {
    const pinned = tables.pin(1);
    const cursor = pinned.cursor();
    tables.pin(2);
    tables.pin(3);
    expect(tables.openTables).to.equal(3);
    expect(readForwards(cursor)).to.have.length(1);
    tables.unpin(1);
    expect(tables.openTables).to.be.at.most(3);
    tables.get(4);
    tables.unpin(2);
    tables.unpin(3);
    expect(tables.openTables).to.equal(2);
    expectError("FASTKV_INTERNAL", () => tables.unpin(3));
  });

  it("keeps an evicted table readable until its last pin goes", () => {
    const pinned = tables.pin(1);
    tables.evict(1);
    fs.rmSync(pathOf(1));
    expect(get(pinned, "key1", 1)?.value).to.equal("value");
    tables.unpin(1);
    expect(tables.openTables).to.equal(0);
    expectError("FASTKV_INTERNAL", () => readForwards(pinned.cursor()));
  });

  it("calls a missing file damage", () => {
    fs.rmSync(pathOf(3));
    const error = expectError("FASTKV_CORRUPTION", () => tables.get(3));
    expect(error.message).to.contain("a live file is missing");
    expect(error.message).to.contain(pathOf(3));
  });
});
