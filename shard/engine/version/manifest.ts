/**
 * The manifest: a record log (shared/record-log/record-log.ts) of version edits, and `CURRENT`, which names the
 * manifest in force. `CURRENT` is one file header (shared/format/file-header.ts) whose file number is that of the
 * manifest.
 *
 * A manifest belongs to one opening of the shard: each opening writes a new one that starts with the whole state, syncs
 * it and its folder, and only then switches `CURRENT` by a rename.
 */

import { corruption, FastKVError } from "../../../shared/errors.js";
import {
  decodeFileHeader,
  encodeFileHeader,
  fileHeaderBytes,
  fileKind,
} from "../../../shared/format/file-header.js";
import { checkRecordSize, RecordLogWriter, readLog } from "../../../shared/record-log/record-log.js";
import { type FileSystem, readWholeFile, replaceFile } from "../../../shared/storage/file-system.js";
import { currentName, manifestName, parseFileName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";
import type { RangeDelete } from "../read-path/range-delete.js";
import { Version } from "./version.js";
import { decodeVersionEdit, encodeVersionEdit, type VersionEdit } from "./version-edit.js";

/** FROZEN. */
const editRecordType = 1;
/** A new manifest has several edits where the tables' keys together have more bytes: a record has its limit. */
const keyBytesPerEdit = 16 * 1024 * 1024;

/** The state that results from all edits of a manifest. */
export interface ManifestState {
  version: Version;
  logNumber: number;
  /** The live WAL segments, in order. */
  logs: number[];
  flushedSequence: number;
  /** Bulk loads beyond `flushedSequence` whose tables are already in the manifest. */
  ingested: number[];
  nextFileNumber: number;
  timeMs: number;
  rangeDeletes: RangeDelete[];
  /** Set if the last edit is that of a clean close. */
  cleanFiles: Record<string, number> | undefined;
}

export function emptyState(): ManifestState {
  return {
    version: new Version(),
    logNumber: 0,
    logs: [],
    flushedSequence: 0,
    ingested: [],
    nextFileNumber: 1,
    timeMs: 0,
    rangeDeletes: [],
    cleanFiles: undefined,
  };
}

export function applyEdit(state: ManifestState, edit: VersionEdit): ManifestState {
  const removedRanges = new Set(edit.removedRangeDeletes);
  const logNumber = Math.max(state.logNumber, edit.logNumber ?? 0);
  const flushedSequence = Math.max(state.flushedSequence, edit.flushedSequence ?? 0);
  return {
    version: state.version.apply(edit),
    logNumber,
    logs: [...state.logs, ...(edit.addedLogs ?? [])].filter((log) => log >= logNumber),
    flushedSequence,
    ingested: [...state.ingested, ...(edit.ingested ?? [])].filter((sequence) => sequence > flushedSequence),
    nextFileNumber: Math.max(state.nextFileNumber, edit.nextFileNumber ?? 0),
    timeMs: Math.max(state.timeMs, edit.timeMs ?? 0),
    rangeDeletes: [...state.rangeDeletes, ...(edit.addedRangeDeletes ?? [])].filter(
      (range) => !removedRanges.has(range.sequence),
    ),
    cleanFiles: edit.cleanFiles,
  };
}

export class Manifest {
  readonly fileNumber: number;
  readonly #log: RecordLogWriter;
  /** Edits are written one at a time: each is on disk before the next one starts. */
  #last: Promise<void> = Promise.resolve();

  private constructor(log: RecordLogWriter, fileNumber: number) {
    this.fileNumber = fileNumber;
    this.#log = log;
  }

  /** Writes a manifest that starts with `state` and makes it the one in force. */
  static create(
    fileSystem: FileSystem,
    folder: string,
    shard: ShardIdentity,
    fileNumber: number,
    state: ManifestState,
  ): Manifest {
    const header = fileIdentity(shard, fileKind.manifest, fileNumber);
    const log = RecordLogWriter.create(fileSystem, `${folder}/${manifestName(fileNumber)}`, header);
    for (const edit of wholeState(state)) {
      log.append(editRecordType, 0, state.timeMs, encodeVersionEdit(edit));
    }
    log.sync();
    fileSystem.syncFolder(folder);
    replaceFile(
      fileSystem,
      folder,
      currentName,
      encodeFileHeader(fileIdentity(shard, fileKind.current, fileNumber)),
    );
    return new Manifest(log, fileNumber);
  }

  /** Resolves once the edit is on disk. After a failed sync the manifest stays unusable (`poisoned`). */
  append(edit: VersionEdit): Promise<void> {
    const appended = this.#last.then(async () => {
      const payload = encodeVersionEdit(edit);
      checkRecordSize(payload, "Too many tables with long keys change at once");
      this.#log.append(editRecordType, 0, edit.timeMs ?? 0, payload);
      await this.#log.syncAsync();
    });
    this.#last = appended.catch(() => undefined);
    return appended;
  }

  get poisoned(): boolean {
    return this.#log.failure !== undefined;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#log.close();
  }
}

/**
 * The state as edits, of which the last one has all but the tables. Without it a manifest has no log number, and is
 * damaged.
 */
function* wholeState(state: ManifestState): Generator<VersionEdit> {
  let addedTables: NonNullable<VersionEdit["addedTables"]> = [];
  let keyBytes = 0;
  for (const [level, tables] of state.version.levels.entries()) {
    for (const table of tables) {
      addedTables.push({ level, table });
      keyBytes += table.smallest.length + table.largest.length;
      if (keyBytes >= keyBytesPerEdit) {
        yield { addedTables };
        addedTables = [];
        keyBytes = 0;
      }
    }
  }
  yield {
    addedTables,
    logNumber: state.logNumber,
    addedLogs: state.logs,
    flushedSequence: state.flushedSequence,
    ingested: state.ingested,
    nextFileNumber: state.nextFileNumber,
    timeMs: state.timeMs,
    addedRangeDeletes: state.rangeDeletes,
  };
}

export interface LoadedManifest {
  state: ManifestState;
  fileNumber: number;
  manifestPath: string;
  tornBytes: number;
}

/** The state of the manifest that `CURRENT` names; undefined if there is no `CURRENT`. */
export function loadManifest(
  fileSystem: FileSystem,
  folder: string,
  shard: ShardIdentity,
): LoadedManifest | undefined {
  const currentPath = `${folder}/${currentName}`;
  if (!fileSystem.exists(currentPath)) {
    return undefined;
  }
  const fileNumber = readCurrent(readWholeFile(fileSystem, currentPath), currentPath, shard);
  return readManifest(fileSystem, folder, shard, fileNumber);
}

/** The state that results from a manifest. Throws `FASTKV_CORRUPTION`. */
export function readManifest(
  fileSystem: FileSystem,
  folder: string,
  shard: ShardIdentity,
  fileNumber: number,
): LoadedManifest {
  const path = `${folder}/${manifestName(fileNumber)}`;
  if (!fileSystem.exists(path)) {
    throw corruption(path, undefined, "the manifest that CURRENT names is missing");
  }
  let state = emptyState();
  const log = readLog(fileSystem, path, {
    expected: fileIdentity(shard, fileKind.manifest, fileNumber),
    mayBeTorn: true,
    onRecord: (record) => {
      try {
        state = applyEdit(state, decodeVersionEdit(record.payload));
      } catch (cause) {
        throw corruption(
          path,
          record.offset,
          cause instanceof FastKVError ? cause.message : "unreadable edit",
          cause,
        );
      }
      return true;
    },
  });
  if (log.records === 0) {
    throw corruption(path, log.validBytes, "the manifest has no whole record");
  }
  if (state.logNumber === 0) {
    throw corruption(path, log.validBytes, "the manifest ends within the state that it starts with");
  }
  const overlap = state.version.findOverlap();
  if (overlap !== undefined) {
    throw corruption(path, undefined, overlap);
  }
  const unnamed = findUnnamedLog(fileSystem, folder, fileNumber, state);
  if (unnamed !== undefined) {
    throw corruption(path, log.validBytes, `the edit that names ${unnamed}, which holds writes, is missing`);
  }
  return { state, fileNumber, manifestPath: path, tornBytes: log.tornBytes };
}

/**
 * Whether the last edits were synced is unknown, so if they are damaged or cut off they look like a torn tail. One kind
 * of edit must not be lost unnoticed: one that names a WAL segment. A segment takes writes only once its edit is on
 * disk. So the edit is lost if a segment holds writes but is not named by the manifest given in its header.
 */
function findUnnamedLog(
  fileSystem: FileSystem,
  folder: string,
  manifestNumber: number,
  state: ManifestState,
): string | undefined {
  return fileSystem.list(folder).find((name) => {
    const file = parseFileName(name);
    const mayBeNamed = file?.kind === "wal" && file.fileNumber >= state.logNumber;
    return (
      mayBeNamed &&
      !state.logs.includes(file.fileNumber) &&
      usedFor(fileSystem, `${folder}/${name}`) === manifestNumber
    );
  });
}

/**
 * The manifest that a WAL segment was made for; undefined if the segment holds nothing or cannot be read: then nobody
 * needs it.
 */
function usedFor(fileSystem: FileSystem, path: string): number | undefined {
  try {
    const handle = fileSystem.open(path, "read");
    try {
      const header = Buffer.alloc(fileHeaderBytes);
      const bytes = header.subarray(0, handle.read(header, 0));
      return handle.sizeBytes() > fileHeaderBytes ? decodeFileHeader(bytes, path).manifestNumber : undefined;
    } finally {
      handle.close();
    }
  } catch (error) {
    if (!(error instanceof FastKVError)) {
      throw error;
    }
    return undefined;
  }
}

function readCurrent(bytes: Buffer, path: string, shard: ShardIdentity): number {
  const header = decodeFileHeader(bytes, path);
  if (bytes.length !== fileHeaderBytes) {
    throw corruption(path, fileHeaderBytes, "bytes after the end of the file");
  }
  if (header.kind !== fileKind.current || header.shardIndex !== shard.shardIndex) {
    throw corruption(path, 12, "another kind of file or another shard's stands in its place");
  }
  if (!Buffer.from(header.databaseId).equals(shard.databaseId)) {
    throw corruption(path, 16, "the file belongs to another database");
  }
  return header.fileNumber;
}
