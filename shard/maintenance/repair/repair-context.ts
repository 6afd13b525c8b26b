import type { ByteString } from "../../../shared/bytes.js";
import { bytesOf } from "../../../shared/bytes.js";
import { fileKind } from "../../../shared/format/file-header.js";
import { shardOfKey } from "../../../shared/hash.js";
import type { Findings } from "../../../shared/maintenance/finding.js";
import { TableOutput } from "../../engine/compaction/table-output.js";
import { tableName } from "../../engine/files/file-names.js";
import { fileIdentity } from "../../engine/files/shard-identity.js";
import type { Cursor } from "../../engine/iterator/cursor.js";
import type { TableInfo } from "../../engine/table/table-format.js";
import type { KeyExtent } from "../../engine/table/table-verifier.js";
import { type ShardFiles, whyUnreadable } from "../shard-files.js";
import type { Quarantine } from "./quarantine.js";
import { ReopenedFiles } from "./reopened-files.js";
import { type SalvagedTable, salvageTable } from "./salvage-table.js";

const targetTableBytes = 8 * 1024 * 1024;
/**
 * Compressed tables are rewritten without compression. If the data expands by more than this, the last table takes all
 * the rest.
 */
const mostExpansion = 64;
const maxOpenTables = 64;

/** What the steps of a shard's repair share. */
export class RepairContext {
  readonly files: ShardFiles;
  /** What is lost; the earlier examination has reported what is damaged. */
  readonly losses: Findings;
  readonly aside: Quarantine;
  /** A rebuild reads all tables of the shard at once. */
  readonly #tables: ReopenedFiles;
  #nextFileNumber: number;

  constructor(files: ShardFiles, losses: Findings, aside: Quarantine, nextFileNumber: number) {
    this.files = files;
    this.losses = losses;
    this.aside = aside;
    this.#tables = new ReopenedFiles(files.fileSystem, maxOpenTables);
    this.#nextFileNumber = nextFileNumber;
  }

  get nextFileNumber(): number {
    return this.#nextFileNumber;
  }

  takeFileNumbers(count: number): number[] {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return Array.from({ length: count }, (_, at) => first + at);
  }

  /** Opens what can be read of a table; undefined, and reported as a loss, if nothing can. */
  openTable(fileNumber: number, sequenceOverride: number, keys?: KeyExtent): SalvagedTable | undefined {
    const { folder, shard } = this.files;
    const name = tableName(fileNumber);
    try {
      const salvaged = salvageTable(this.#tables, `${folder}/${name}`, {
        identity: fileIdentity(shard, fileKind.table, fileNumber),
        sequenceOverride: sequenceOverride === 0 ? undefined : sequenceOverride,
        keys,
        onLoss: (offset, message, lost) =>
          this.losses.damage(name, `entries are lost: ${message}`, { offset, keys: lost }),
      });
      if (salvaged === undefined) {
        this.losses.damage(name, "all entries of the table are lost: nothing in it can be read", { keys });
      }
      return salvaged;
    } catch (error) {
      const why = whyUnreadable(error);
      if (why === undefined) {
        throw error;
      }
      this.losses.damage(name, `all entries of the table are lost: ${why}`, { keys });
      return undefined;
    }
  }

  /**
   * Writes a sorted stream into new tables of disjoint key ranges: every version once, without keys of other shards.
   * The tables are on disk when this returns. `inputBytes` is the approximate stored size of the input.
   */
  writeTables(cursor: Cursor, inputBytes: number): TableInfo[] {
    const { fileSystem, folder, shard } = this.files;
    const output = new TableOutput(fileSystem, {
      folder,
      shard,
      fileNumbers: this.takeFileNumbers(Math.ceil(inputBytes / targetTableBytes) * mostExpansion + 8),
      targetTableBytes,
      writer: {},
      zeroSequence: false,
    });
    let lastKey: ByteString | undefined;
    let lastSequence = 0;
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      const { key, sequence } = cursor;
      const isNewKey = key !== lastKey;
      if ((!isNewKey && sequence === lastSequence) || !this.#isHome(key)) {
        continue;
      }
      lastKey = key;
      lastSequence = sequence;
      const { kind, tag, expiresAt, valueBuffer, valueStart, valueEnd } = cursor;
      output.add(key, sequence, kind, tag, expiresAt, valueBuffer, valueStart, valueEnd);
    }
    return output.finish();
  }

  #isHome(key: ByteString): boolean {
    const { shard, shards } = this.files;
    const bytes = bytesOf(key);
    return shardOfKey(bytes, bytes.length, shards) === shard.shardIndex;
  }
}
