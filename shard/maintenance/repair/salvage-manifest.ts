/** What can be learned from a shard's manifests, however damaged they are. */

import { FastKVError } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import { scanLog } from "../../../shared/record-log/record-scan.js";
import { listFiles, manifestName, parseFileName } from "../../engine/files/file-names.js";
import { fileIdentity } from "../../engine/files/shard-identity.js";
import type { RangeDelete } from "../../engine/read-path/range-delete.js";
import {
  type LoadedManifest,
  loadManifest,
  type ManifestState,
  readManifest,
} from "../../engine/version/manifest.js";
import type { LiveTable } from "../../engine/version/version.js";
import { decodeVersionEdit, type VersionEdit } from "../../engine/version/version-edit.js";
import { type ShardFiles, whyUnreadable } from "../shard-files.js";

/** The content of single edits, in whatever order they survived. */
export interface ManifestFacts {
  tables: Map<number, LiveTable>;
  rangeDeletes: Map<number, RangeDelete>;
  flushedSequence: number;
  timeMs: number;
  nextFileNumber: number;
}

export interface SalvagedManifest {
  /** Undefined if no manifest is whole: then it is unknown which files are live. */
  state: ManifestState | undefined;
  /** Whether `CURRENT` is sound and leads to this manifest. */
  isCurrentSound: boolean;
  facts: ManifestFacts;
  /**
   * Tables that `state` once had: if a crash left files of them, their content was merged into other tables long ago.
   */
  dropped: ReadonlySet<number>;
}

export function salvageManifest(files: ShardFiles): SalvagedManifest {
  const { fileSystem, folder, shard } = files;
  const current = unlessDamaged(() => loadManifest(fileSystem, folder, shard));
  if (current !== undefined) {
    const dropped = droppedTables(files, current);
    return { state: current.state, isCurrentSound: true, facts: noFacts(), dropped };
  }
  const numbers = listFiles(fileSystem, folder)
    .filter((file) => file.kind === "manifest")
    .map((file) => file.fileNumber)
    .sort((a, b) => b - a);
  // A manifest starts with the whole state, so the newest one is as good as the one that CURRENT names.
  const newest = numbers[0];
  const loaded =
    newest === undefined ? undefined : unlessDamaged(() => readManifest(fileSystem, folder, shard, newest));
  if (loaded !== undefined) {
    const dropped = droppedTables(files, loaded);
    return { state: loaded.state, isCurrentSound: false, facts: noFacts(), dropped };
  }
  const facts = noFacts();
  for (const number of numbers.toReversed()) {
    gatherFacts(files, number, facts);
  }
  return { state: undefined, isCurrentSound: false, facts, dropped: new Set() };
}

function droppedTables(
  { fileSystem, folder, shard }: ShardFiles,
  { manifestPath, state }: LoadedManifest,
): Set<number> {
  const { fileNumber } = parseFileName(manifestPath.slice(folder.length + 1))!;
  const dropped = new Set<number>();
  scanLog(fileSystem, manifestPath, {
    expected: fileIdentity(shard, fileKind.manifest, fileNumber),
    onRecord: ({ payload }) => {
      for (const table of decodeVersionEdit(payload).removedTables ?? []) {
        dropped.add(table);
      }
    },
    onGap: () => false,
  });
  for (const table of state.version.tables()) {
    dropped.delete(table.fileNumber);
  }
  return dropped;
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const isDamage = error instanceof FastKVError && error.code === "FASTKV_CORRUPTION";
    if (!isDamage && whyUnreadable(error) === undefined) {
      throw error;
    }
    return undefined;
  }
}

function noFacts(): ManifestFacts {
  return { tables: new Map(), rangeDeletes: new Map(), flushedSequence: 0, timeMs: 0, nextFileNumber: 1 };
}

/** Each record has its own checksum, so records after a damaged one can be trusted, too. */
function gatherFacts(
  { fileSystem, folder, shard }: ShardFiles,
  fileNumber: number,
  facts: ManifestFacts,
): void {
  unlessDamaged(() =>
    scanLog(fileSystem, `${folder}/${manifestName(fileNumber)}`, {
      expected: fileIdentity(shard, fileKind.manifest, fileNumber),
      onRecord: (record) => {
        const edit = unlessDamaged(() => decodeVersionEdit(record.payload));
        if (edit !== undefined) {
          addFacts(edit, facts);
        }
      },
      onGap: () => true,
    }),
  );
}

function addFacts(edit: VersionEdit, facts: ManifestFacts): void {
  for (const { table } of edit.addedTables ?? []) {
    facts.tables.set(table.fileNumber, table);
  }
  for (const range of edit.addedRangeDeletes ?? []) {
    facts.rangeDeletes.set(range.sequence, range);
  }
  for (const sequence of edit.removedRangeDeletes ?? []) {
    facts.rangeDeletes.delete(sequence);
  }
  facts.flushedSequence = Math.max(facts.flushedSequence, edit.flushedSequence ?? 0);
  facts.timeMs = Math.max(facts.timeMs, edit.timeMs ?? 0);
  facts.nextFileNumber = Math.max(facts.nextFileNumber, edit.nextFileNumber ?? 0);
}
