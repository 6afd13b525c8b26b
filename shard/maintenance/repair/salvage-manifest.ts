/** What can be learnt from a shard's manifests, however damaged. */

import { FastKVError } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import { scanLog } from "../../../shared/log/record-scan.js";
import { manifestName, parseFileName } from "../../engine/file-names.js";
import type { RangeDelete } from "../../engine/range-delete.js";
import { listFiles } from "../../engine/recovery.js";
import {
  fileIdentity,
  type LoadedManifest,
  loadManifest,
  type ManifestState,
  readManifest,
} from "../../engine/version/manifest.js";
import type { LiveTable } from "../../engine/version/version.js";
import { decodeVersionEdit, type VersionEdit } from "../../engine/version/version-edit.js";
import { type ShardFiles, whyUnreadable } from "../shard-files.js";

/** What single edits say, in whatever order they survived. */
export interface ManifestFacts {
  tables: Map<number, LiveTable>;
  rangeDeletes: Map<number, RangeDelete>;
  flushedSequence: number;
  timeMs: number;
  nextFileNumber: number;
}

export interface SalvagedManifest {
  /** Undefined where no manifest is whole: which files are live is then unknown. */
  state: ManifestState | undefined;
  /** `CURRENT` leads to it as it should. */
  isCurrentSound: boolean;
  facts: ManifestFacts;
  /** Tables that `state` once had: what a crash left of them has long been merged into others. */
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
  // A manifest starts with the whole state, so the newest is as good as CURRENT's word.
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

/** Each record has its own checksum, so those behind a damaged one can be believed, too. */
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
