/**
 * Bulk loads: data that goes into tables without passing through the WAL and the memtable.
 *
 * Incoming data is collected in an arena. Each full arena becomes a sorted part (tables, written by a flush job). At
 * the end, parts that overlap are merged, with later parts winning, and a `.load` file names the finished tables. Only
 * the coordinator's commit, an `ingest` operation in the stream of writes, makes these tables part of the tree. Once
 * the load's file exists it survives crashes: it and its tables are removed only when the coordinator says that the
 * load was given up.
 *
 * A `.load` file is a record log with one record, whose payload is msgpack of `{ id, tables }`.
 */

import { Packr } from "msgpackr";
import { unpackChecked } from "../../../shared/codec/checked-unpack.js";
import { corruption, FastKVError } from "../../../shared/errors.js";
import { fileHeaderBytes, fileKind } from "../../../shared/format/file-header.js";
import { checkRecordSize, RecordLogWriter, readLog } from "../../../shared/record-log/record-log.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { mostTables } from "../compaction/table-output.js";
import { loadName, tableName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";
import type { JobResult, Survival } from "../jobs/job.js";
import { Arena } from "../memtable/arena.js";
import { SectionIndex } from "../memtable/section-index.js";
import { type EngineOptions, loadPartBytes } from "../options.js";
import type { TableInfo } from "../table/table-format.js";
import type { Tree } from "../version/tree.js";
import { isTableInfo } from "../version/version-edit.js";

/** A load whose tables are complete and on disk. */
export interface ReadyLoad {
  /** 32 hexadecimal digits. */
  id: string;
  fileNumber: number;
  tables: TableInfo[];
}

interface RunningLoad {
  arena: Arena;
  entries: number;
  parts: Promise<TableInfo[]>[];
  /** Parts that are being written: at most two, so that memory stays bounded. */
  pending: Set<Promise<unknown>>;
}

const packr = new Packr({ useRecords: false });
const loadRecordType = 1;
const maxPendingParts = 2;
/** A part has about twenty chunks, and more if values are large. */
const maxSpareChunks = 64;

const nothingHeld: Survival = { holds: [], rangeDeletes: [], timeMs: 0, retainAll: false, deeper: [] };

export class Loads {
  readonly #fileSystem: FileSystem;
  readonly folder: string;
  readonly #shard: ShardIdentity;
  readonly #options: EngineOptions;
  readonly #tree: Tree;
  readonly #running = new Map<string, RunningLoad>();
  readonly #ready = new Map<string, ReadyLoad>();
  /**
   * Chunks of parts that are written, for use by the next parts. V8 does not count shared memory, so in a load that
   * makes little other garbage none of them would be collected before the whole load had gone through memory.
   */
  #spareChunks: SharedArrayBuffer[] = [];
  #loadedBytes = 0;

  constructor(
    environment: { fileSystem: FileSystem; folder: string; shard: ShardIdentity },
    options: EngineOptions,
    tree: Tree,
    ready: readonly ReadyLoad[],
  ) {
    this.#fileSystem = environment.fileSystem;
    this.folder = environment.folder;
    this.#shard = environment.shard;
    this.#options = options;
    this.#tree = tree;
    for (const load of ready) {
      this.#ready.set(load.id, load);
    }
  }

  get loadedBytes(): number {
    return this.#loadedBytes;
  }

  readyIds(): string[] {
    return [...this.#ready.keys()];
  }

  begin(id: string): void {
    this.#running.set(id, this.#newLoad());
  }

  /** Takes a section of puts. Resolves when more may be sent. */
  async append(id: string, section: Buffer, entries: number): Promise<void> {
    const load = this.#runningLoad(id);
    load.arena.append(section, load.entries + 1);
    load.entries += entries;
    if (load.arena.allocatedBytes >= loadPartBytes) {
      this.#sortPart(load);
    }
    while (load.pending.size >= maxPendingParts) {
      await Promise.race(load.pending);
    }
  }

  /** Completes the tables and puts the load's file on disk. Returns the number of distinct keys. */
  async finish(id: string): Promise<number> {
    const load = this.#runningLoad(id);
    this.#sortPart(load);
    const parts = (await Promise.all(load.parts)).filter((tables) => tables.length > 0);
    const tables = areDisjoint(parts) ? parts.flat() : await this.#mergeParts(parts);
    this.#loadedBytes += tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    const [fileNumber] = this.#tree.takeFileNumbers(1);
    const ready: ReadyLoad = { id, fileNumber: fileNumber!, tables };
    // The file may exist even if a later step fails because of the disk. Whoever abandons the load then removes it.
    this.#ready.set(id, ready);
    await this.#writeLoadFile(ready);
    this.#forgetRunning(id);
    return tables.reduce((sum, table) => sum + table.keys, 0);
  }

  /** The finished load that a commit names, if it is known. */
  readyLoad(id: string): ReadyLoad | undefined {
    return this.#ready.get(id);
  }

  /** Forgets a load whose tables are in the manifest and removes its file, which is no longer needed. */
  forget(id: string): void {
    const load = this.#ready.get(id);
    if (load !== undefined) {
      this.#ready.delete(id);
      this.#fileSystem.remove(`${this.folder}/${loadName(load.fileNumber)}`);
    }
  }

  /** Gives up a load in any state; an unknown id is no error. */
  async abandon(id: string): Promise<void> {
    const ready = this.#ready.get(id);
    if (ready !== undefined) {
      this.forget(id);
      this.#removeTables(ready.tables);
    }
    const running = this.#running.get(id);
    if (running !== undefined) {
      this.#forgetRunning(id);
      const parts = await Promise.allSettled(running.parts);
      this.#spareChunks = this.#running.size === 0 ? [] : this.#spareChunks;
      this.#removeTables(parts.flatMap((part) => (part.status === "fulfilled" ? part.value : [])));
    }
  }

  #forgetRunning(id: string): void {
    this.#running.delete(id);
    if (this.#running.size === 0) {
      this.#spareChunks = [];
    }
  }

  #newLoad(): RunningLoad {
    return { arena: this.#newArena(), entries: 0, parts: [], pending: new Set() };
  }

  #newArena(): Arena {
    return new Arena(loadPartBytes, SectionIndex.empty(), this.#spareChunks);
  }

  #runningLoad(id: string): RunningLoad {
    const load = this.#running.get(id);
    if (load === undefined) {
      throw new FastKVError(
        "FASTKV_SHARD_UNAVAILABLE",
        "The shard was restarted during a bulk load, and nothing of the load is there. Load again.",
        { writeOutcome: "not-applied" },
      );
    }
    return load;
  }

  #sortPart(load: RunningLoad): void {
    const { arena } = load;
    if (arena.isEmpty) {
      return;
    }
    load.arena = this.#newArena();
    const { targetTableBytes } = this.#options;
    const count = Math.ceil(arena.allocatedBytes / targetTableBytes) * 4 + 4;
    const output = this.#tree.outputSettings(this.#tree.takeFileNumbers(count), targetTableBytes, true);
    const shared = arena.share();
    const part = this.#tree
      .run({ kind: "flush", arena: shared, survival: nothingHeld, output })
      .then((result: JobResult) => {
        this.#spareChunks.push(...shared.chunks);
        this.#spareChunks.splice(0, Math.max(0, this.#spareChunks.length - maxSpareChunks));
        return result.tables;
      });
    load.parts.push(part);
    const settled: Promise<unknown> = part.then(
      () => load.pending.delete(settled),
      () => load.pending.delete(settled),
    );
    load.pending.add(settled);
  }

  async #mergeParts(parts: TableInfo[][]): Promise<TableInfo[]> {
    const inputs = parts.flatMap((tables, part) =>
      // Later parts win: a part's position among the inputs serves as its sequence number.
      tables.map(({ fileNumber, smallest, largest }) => ({
        fileNumber,
        sequenceOverride: part + 1,
        smallest,
        largest,
      })),
    );
    const { targetTableBytes } = this.#options;
    const fileNumbers = this.#tree.takeFileNumbers(mostTables(parts.flat(), targetTableBytes));
    const output = this.#tree.outputSettings(fileNumbers, targetTableBytes, true);
    const result = await this.#tree.run({ kind: "merge", inputs, survival: nothingHeld, output });
    this.#removeTables(parts.flat());
    return result.tables;
  }

  #removeTables(tables: readonly TableInfo[]): void {
    for (const { fileNumber } of tables) {
      this.#tree.obsoleteFiles.remove(tableName(fileNumber));
    }
  }

  async #writeLoadFile(load: ReadyLoad): Promise<void> {
    const path = `${this.folder}/${loadName(load.fileNumber)}`;
    const temporary = `${path}.tmp`;
    const header = fileIdentity(this.#shard, fileKind.load, load.fileNumber);
    const content = packr.pack({ id: load.id, tables: load.tables });
    checkRecordSize(content, "The load has too many long keys for one, load it in parts");
    const writer = RecordLogWriter.create(this.#fileSystem, temporary, header);
    try {
      writer.append(loadRecordType, 0, 0, content);
      await writer.syncAsync();
    } catch (error) {
      this.#fileSystem.remove(temporary);
      throw error;
    } finally {
      writer.release();
    }
    this.#fileSystem.rename(temporary, path);
    await this.#fileSystem.syncFolderAsync(this.folder);
  }
}

function areDisjoint(parts: readonly TableInfo[][]): boolean {
  const ranges = parts
    .map((tables) => ({ smallest: tables[0]!.smallest, largest: tables.at(-1)!.largest }))
    .sort((a, b) => (a.smallest < b.smallest ? -1 : 1));
  return ranges.every((range, at) => at === 0 || ranges[at - 1]!.largest < range.smallest);
}

/**
 * Reads a `.load` file. Damage is `FASTKV_CORRUPTION`, because the file was synced completely before it got its name.
 */
export function readLoadFile(
  fileSystem: FileSystem,
  folder: string,
  shard: ShardIdentity,
  fileNumber: number,
): ReadyLoad {
  const path = `${folder}/${loadName(fileNumber)}`;
  let load: ReadyLoad | undefined;
  readLog(fileSystem, path, {
    expected: fileIdentity(shard, fileKind.load, fileNumber),
    mayBeTorn: false,
    onRecord: (record) => {
      const { id, tables } = decodeLoad(record.payload, path, record.offset);
      load = { id, fileNumber, tables };
      return true;
    },
  });
  if (load === undefined) {
    throw corruption(path, fileHeaderBytes, "the load's record is missing");
  }
  return load;
}

function decodeLoad(payload: Buffer, path: string, offset: number): Omit<ReadyLoad, "fileNumber"> {
  let value: unknown;
  try {
    value = unpackChecked(payload);
  } catch (cause) {
    throw corruption(path, offset, "the load's record cannot be decoded", cause);
  }
  const { id, tables } = (value ?? {}) as { id?: unknown; tables?: unknown };
  if (typeof id !== "string" || !Array.isArray(tables) || !tables.every(isTableInfo)) {
    throw corruption(path, offset, "the load's record has no id or no tables");
  }
  return { id, tables };
}
