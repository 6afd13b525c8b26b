import type { ByteString } from "../../shared/bytes.js";
import { fileKind } from "../../shared/format/file-header.js";
import { isEncodingTag } from "../../shared/format/value-encoding.js";
import { tableName } from "../engine/files/file-names.js";
import { fileIdentity } from "../engine/files/shard-identity.js";
import { type Entry, entryKind } from "../engine/iterator/cursor.js";
import { BlockCache } from "../engine/table/block-cache.js";
import type { TableInfo } from "../engine/table/table-format.js";
import { TableReader } from "../engine/table/table-reader.js";
import type { RoutingCheck } from "./routing-check.js";
import { attempt, type ShardFiles } from "./shard-files.js";

/** What the rest of the database says about a table; `sequenceOverride` 0 means none. */
export interface ExpectedTable {
  fileNumber: number;
  /** Undefined if only the table itself says what it holds. */
  info?: TableInfo;
  sequenceOverride: number;
}

/** Called for every entry that can be read. The entry is only lent. */
export type EntryVisitor = (key: ByteString, entry: Entry, fileName: string, blockOffset: number) => void;

/** Reads a whole table. Returns how many of its entries could be read. */
export function checkTableFile(
  files: ShardFiles,
  { fileNumber, info, sequenceOverride }: ExpectedTable,
  routing: RoutingCheck,
  visit: EntryVisitor,
): number {
  const { fileSystem, folder, shard, findings } = files;
  const name = tableName(fileNumber);
  const all = info === undefined ? undefined : { from: info.smallest, to: info.largest };
  let entries = 0;
  if (!fileSystem.exists(`${folder}/${name}`)) {
    return entries;
  }
  attempt(findings, name, () => {
    let reader: TableReader;
    try {
      reader = TableReader.open(
        fileSystem,
        `${folder}/${name}`,
        fileIdentity(shard, fileKind.table, fileNumber),
        new BlockCache(0),
        { sequenceOverride: sequenceOverride === 0 ? undefined : sequenceOverride },
      );
    } catch (error) {
      findings.damageOf(error, all);
      return;
    }
    try {
      if (info !== undefined) {
        checkInfo(files, name, info, reader.info);
      }
      reader.check({
        onEntry: (key, entry, blockOffset) => {
          entries += 1;
          routing.check(key, name, blockOffset);
          if (entry.kind === entryKind.put && !isEncodingTag(entry.tag)) {
            findings.damage(name, `a value has the unknown encoding tag ${entry.tag}`, {
              offset: blockOffset,
              keys: { from: key, to: key },
            });
          }
          visit(key, entry, name, blockOffset);
        },
        onDamage: (error, lost) => findings.damageOf(error, lost),
      });
    } finally {
      reader.close();
    }
    files.onRead(reader.info.sizeBytes);
  });
  return entries;
}

/** Checks that the manifest and the table agree. */
function checkInfo({ findings }: ShardFiles, name: string, expected: TableInfo, found: TableInfo): void {
  for (const field of Object.keys(found) as (keyof TableInfo)[]) {
    if (field !== "sizeBytes" && expected[field] !== found[field]) {
      findings.damage(name, `the table and the manifest disagree in ${field}`);
    }
  }
}
