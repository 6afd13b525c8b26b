import { entryKind } from "../../shard/engine/iterator/cursor.js";
import { MergingCursor } from "../../shard/engine/iterator/merging-cursor.js";
import { BlockBuilder } from "../../shard/engine/table/block-builder.js";
import { BlockCache } from "../../shard/engine/table/block-cache.js";
import { Block, readEntry, searchBlock } from "../../shard/engine/table/block-reader.js";
import { BloomFilter, BloomFilterBuilder } from "../../shard/engine/table/bloom-filter.js";
import { TableReader } from "../../shard/engine/table/table-reader.js";
import { TableWriter } from "../../shard/engine/table/table-writer.js";
import { type FileHeader, fileKind } from "../../shared/format/file-header.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { measurePart, type PartCost } from "./measure.js";
import { newEntry } from "./memtable-parts.js";
import { keyBytesOf, keyOf, recordCount, scattered, valueBytesOf } from "./records.js";

const perBlock = 26;
const cacheBytes = 64 * 1024 * 1024;
const bitsPerKey = 10;

export function blockParts(): PartCost[] {
  const builder = new BlockBuilder(4096);
  const blocks: Block[] = [];
  const build = (keep: boolean): void => {
    for (let from = 0; from + perBlock <= recordCount; from += perBlock) {
      builder.reset();
      for (let number = from; number < from + perBlock; number++) {
        const key = keyBytesOf(number);
        const value = valueBytesOf(number);
        const common = number === from ? 0 : commonBytes(keyBytesOf(number - 1), key);
        builder.add(key, key.length, common, number + 1, entryKind.put, 1, 0, value, 0, value.length);
      }
      const content = builder.finish();
      if (keep) {
        blocks.push(new Block(Buffer.from(content), "a block", 0));
      }
    }
  };
  build(true);
  const entry = newEntry();
  return [
    measurePart(
      "block: add an entry",
      recordCount,
      () => false,
      () => build(false),
    ),
    measurePart(
      "block: find a key and read its entry",
      recordCount,
      () => blocks,
      () => {
        for (let index = 0; index < recordCount; index++) {
          const number = scattered(index);
          const block = blocks[Math.min(blocks.length - 1, Math.floor(number / perBlock))]!;
          const key = keyBytesOf(number);
          const at = searchBlock(block, key, key.length);
          if (at >= 0) {
            readEntry(block, at, entry);
          }
        }
        return entry;
      },
    ),
  ];
}

function commonBytes(left: Buffer, right: Buffer): number {
  let common = 0;
  while (common < left.length && left[common] === right[common]) {
    common += 1;
  }
  return common;
}

export function bloomParts(): PartCost[] {
  const build = (): Buffer => {
    const builder = new BloomFilterBuilder(bitsPerKey);
    for (let number = 0; number < recordCount; number += 2) {
      const key = keyBytesOf(number);
      builder.add(key, 0, key.length);
    }
    return builder.finish();
  };
  const filter = BloomFilter.decode(build(), "a filter", 0)!;
  const ask = (first: number): number => {
    let maybe = 0;
    for (let number = first; number < recordCount; number += 2) {
      const key = keyBytesOf(number);
      maybe += filter.mayContain(key, 0, key.length) ? 1 : 0;
    }
    return maybe;
  };
  const half = recordCount / 2;
  const none = (): undefined => undefined;
  return [
    measurePart("bloom filter: add a key", half, none, build),
    measurePart("bloom filter: ask for a key that is there", half, none, () => ask(0)),
    measurePart("bloom filter: ask for a key that is not", half, none, () => ask(1)),
  ];
}

function header(fileNumber: number): FileHeader {
  return { kind: fileKind.table, databaseId: new Uint8Array(16), shardIndex: 0, fileNumber, epoch: 1 };
}

/** `count` tables, each with every `count`-th record, so that a merge takes entries from them in turn. */
function writeTables(
  fileSystem: NodeFileSystem,
  folder: string,
  count: number,
  name = "source",
): TableReader[] {
  const cache = new BlockCache(cacheBytes);
  return Array.from({ length: count }, (_, place) => {
    const path = `${folder}/${name}-${count}-${place}`;
    const writer = new TableWriter(fileSystem, path, header(place + 1));
    for (let number = place; number < recordCount; number += count) {
      const value = valueBytesOf(number);
      writer.add(keyOf(number), number + 1, entryKind.put, 1, 0, value, 0, value.length);
    }
    writer.finish();
    return TableReader.open(fileSystem, path, header(place + 1), cache);
  });
}

/** Tables in real files: point reads, merging reads, and a merge that writes, as in a compaction. */
export function tableParts(folder: string): PartCost[] {
  const fileSystem = new NodeFileSystem();
  const entry = newEntry();
  const one = writeTables(fileSystem, folder, 1, "single")[0]!;
  const costs = [
    measurePart(
      "table: get, its block in the cache",
      recordCount,
      () => one,
      () => {
        let found = 0;
        for (let index = 0; index < recordCount; index++) {
          found += one.get(keyOf(scattered(index)), Number.MAX_SAFE_INTEGER, entry) ? 1 : 0;
        }
        return found;
      },
    ),
  ];
  for (const ways of [1, 2, 4, 8]) {
    const tables = writeTables(fileSystem, folder, ways);
    costs.push(
      measurePart(
        `${ways}-way merge: step of a cursor over tables`,
        recordCount,
        () => new MergingCursor(tables.map((table) => table.cursor())),
        (cursor) => {
          let steps = 0;
          for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
            steps += 1;
          }
          return steps;
        },
      ),
    );
    closeAll(tables);
  }
  const sources = writeTables(fileSystem, folder, 4, "input");
  let outputs = 0;
  costs.push(
    measurePart(
      "compaction: merge an entry of 4 tables into a new one",
      recordCount,
      () => `${folder}/merged-${outputs++}`,
      (path) => {
        const writer = new TableWriter(fileSystem, path, header(99));
        const cursor = new MergingCursor(sources.map((table) => table.cursor()));
        for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
          const { key, sequence, kind, tag, expiresAt, valueBuffer, valueStart, valueEnd } = cursor;
          writer.add(key, sequence, kind, tag, expiresAt, valueBuffer, valueStart, valueEnd);
        }
        return writer.finish();
      },
    ),
  );
  closeAll([one, ...sources]);
  return costs;
}

function closeAll(tables: readonly TableReader[]): void {
  for (const table of tables) {
    table.close();
  }
}
