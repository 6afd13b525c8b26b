import type { ByteString } from "../../../shared/bytes.js";
import { invariant } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { tableName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";
import type { EntryKind } from "../iterator/cursor.js";
import type { TableInfo } from "../table/table-format.js";
import { TableWriter, type TableWriterOptions } from "../table/table-writer.js";
import type { EntrySink } from "./version-filter.js";

/** Where and how a job writes tables. Plain data, so that it can be sent to a worker. */
export interface OutputSettings {
  folder: string;
  shard: ShardIdentity;
  /**
   * Reserved for this job; `mostTables` says how many it needs. The last number's table takes everything that is left.
   */
  fileNumbers: number[];
  targetTableBytes: number;
  writer: TableWriterOptions;
  /** Bulk loads do not know their sequence number yet, so they write 0 for every entry. */
  zeroSequence: boolean;
}

/** Upper estimate of what an entry takes in addition to its key and value. */
const entryOverheadBytes = 32;

/**
 * The most tables that a merge of these inputs may need. Computed from what the inputs hold, not from their file size,
 * so that neither their compression nor the output's matters.
 */
export function mostTables(inputs: readonly TableInfo[], targetTableBytes: number): number {
  const bytes = inputs.reduce(
    (sum, { rawBytes, entries }) => sum + rawBytes + entries * entryOverheadBytes,
    0,
  );
  return Math.ceil(bytes / targetTableBytes) * 2 + 4;
}

/**
 * Writes a sorted stream into tables of about the target size. All versions of a key go into one table, so that the
 * tables of a level stay disjoint.
 */
export class TableOutput implements EntrySink {
  readonly tables: TableInfo[] = [];
  readonly #fileSystem: FileSystem;
  readonly #settings: OutputSettings;
  #writer: TableWriter | undefined;
  #lastKey: ByteString | undefined;
  #used = 0;

  constructor(fileSystem: FileSystem, settings: OutputSettings) {
    this.#fileSystem = fileSystem;
    this.#settings = settings;
  }

  add(
    key: ByteString,
    sequence: number,
    kind: EntryKind,
    tag: number,
    expiresAt: number,
    valueBuffer: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    let writer = this.#writer;
    if (
      writer !== undefined &&
      writer.estimatedBytes >= this.#settings.targetTableBytes &&
      key !== this.#lastKey &&
      this.#used < this.#settings.fileNumbers.length
    ) {
      this.#finishTable();
      writer = undefined;
    }
    writer ??= this.#startTable();
    this.#lastKey = key;
    const stored = this.#settings.zeroSequence ? 0 : sequence;
    writer.add(key, stored, kind, tag, expiresAt, valueBuffer, valueStart, valueEnd);
  }

  /** Completes the last table and syncs the folder. When this returns, the tables and their names are on disk. */
  finish(): TableInfo[] {
    this.#finishTable();
    if (this.tables.length > 0) {
      this.#fileSystem.syncFolder(this.#settings.folder);
    }
    return this.tables;
  }

  /** Removes everything that was written. */
  abandon(): void {
    this.#writer?.abandon();
    for (const table of this.tables) {
      this.#fileSystem.remove(this.#path(table.fileNumber));
    }
  }

  #path(fileNumber: number): string {
    return `${this.#settings.folder}/${tableName(fileNumber)}`;
  }

  #startTable(): TableWriter {
    const fileNumber = this.#settings.fileNumbers[this.#used];
    invariant(fileNumber !== undefined, "a job has a file number for its first table");
    this.#used += 1;
    const header = fileIdentity(this.#settings.shard, fileKind.table, fileNumber);
    this.#writer = new TableWriter(this.#fileSystem, this.#path(fileNumber), header, this.#settings.writer);
    return this.#writer;
  }

  #finishTable(): void {
    if (this.#writer !== undefined) {
      this.tables.push(this.#writer.finish());
      this.#writer = undefined;
    }
  }
}
