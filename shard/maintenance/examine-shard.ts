import type { ShardExamination } from "../../shared/maintenance/messages.js";
import type { ReadyLoad } from "../engine/bulk-load/loads.js";
import { currentName, listFiles, tableName } from "../engine/files/file-names.js";
import type { ManifestState } from "../engine/version/manifest.js";
import { checkLoads, isCommitted, pendingCommits } from "./load-check.js";
import { LoggedPartsCheck } from "./logged-parts-check.js";
import { checkManifest, noteLeftovers } from "./manifest-check.js";
import { RoutingCheck } from "./routing-check.js";
import type { ShardFiles } from "./shard-files.js";
import { checkTableFile, type ExpectedTable } from "./table-check.js";
import { ValueCheck } from "./value-check.js";
import { checkWal } from "./wal-check.js";

/**
 * Reads every file of a closed shard and reports what is wrong. Changes nothing. `pause` is awaited between files, so
 * that messages are sent.
 */
export async function examineShard(files: ShardFiles, pause: () => Promise<void>): Promise<ShardExamination> {
  const { findings } = files;
  let bytes = 0;
  const counted: ShardFiles = {
    ...files,
    onRead: (read) => {
      bytes += read;
      files.onRead(read);
    },
  };
  const state = checkManifest(counted);
  const wasClean = state?.cleanFiles !== undefined;
  const routing = new RoutingCheck(counted);
  const logged = new LoggedPartsCheck(counted);
  const values = new ValueCheck(findings);
  const wal = checkWal(counted, state, routing, logged, values);
  const loads = neededLoads(counted, state, checkLoads(counted), logged);
  const expected = expectedTables(counted, state, loads);
  noteLeftovers(counted, state, {
    tables: new Set(expected.map((table) => table.fileNumber)),
    loads: new Set(loads.map((load) => load.fileNumber)),
  });
  let entries = 0;
  let highest = 0;
  for (const table of expected) {
    entries += checkTableFile(counted, table, routing, (key, entry, name, offset) => {
      highest = Math.max(highest, entry.sequence);
      logged.checkEntry(key, entry, name, offset);
      values.checkEntry(key, entry, name, offset);
    });
    await pause();
  }
  const lastSequence = Math.max(wal.lastSequence, state?.flushedSequence ?? 0);
  if (state !== undefined) {
    logged.checkIngested(currentName, state.ingested);
    logged.finish(currentName, lastSequence, state.flushedSequence, wasClean);
  }
  return {
    findings: findings.list,
    damages: findings.damages,
    unlisted: findings.unlisted,
    wasClean,
    bytes,
    tables: expected.length,
    entries,
    walRecords: wal.records,
    misrouted: routing.misrouted,
    keys: routing.keys,
    fittingCounts: routing.fittingCounts,
    logMismatches: logged.mismatches,
    lastSequence,
    highestSequence: Math.max(highest, lastSequence),
  };
}

/**
 * Loads that the next start takes into the tree: they are committed and not yet in the manifest. The file of any other
 * load is a leftover: the load was given up or was finished long ago, but the disk did not allow removing the file.
 */
function neededLoads(
  { findings, logged }: ShardFiles,
  state: ManifestState | undefined,
  loads: readonly ReadyLoad[],
  { loadCommits }: LoggedPartsCheck,
): readonly ReadyLoad[] {
  if (state === undefined) {
    return loads;
  }
  const pending = pendingCommits(loadCommits, state);
  for (const [sequence, id] of pending) {
    if (isCommitted(sequence, logged) && !loads.some((load) => load.id === id)) {
      const what = `the tables of the bulk load that was committed as ${sequence} are neither in the manifest nor in a .load file`;
      findings.damage(currentName, what);
    }
  }
  const ids = new Set(pending.map(([, id]) => id));
  return loads.filter((load) => ids.has(load.id));
}

/** The tables of the manifest and of bulk loads; without a manifest, all existing tables. */
function expectedTables(
  files: ShardFiles,
  state: ManifestState | undefined,
  loads: readonly ReadyLoad[],
): ExpectedTable[] {
  if (state === undefined) {
    return listFiles(files.fileSystem, files.folder)
      .filter((file) => file.kind === "table")
      .map(({ fileNumber }) => ({ fileNumber, sequenceOverride: 0 }));
  }
  const live = [...state.version.tables()].map(({ sequenceOverride, clearedSequence: _, ...info }) => ({
    fileNumber: info.fileNumber,
    info,
    sequenceOverride,
  }));
  const liveNumbers = new Set(live.map((table) => table.fileNumber));
  const loaded = loads
    .flatMap((load) => load.tables)
    // After a crash the load's file may still exist although its tables are in the manifest.
    .filter((info) => !liveNumbers.has(info.fileNumber))
    .map((info) => ({ fileNumber: info.fileNumber, info, sequenceOverride: 0 }));
  for (const { fileNumber, info } of loaded) {
    if (!files.fileSystem.exists(`${files.folder}/${tableName(fileNumber)}`)) {
      const keys = { from: info.smallest, to: info.largest };
      files.findings.damage(tableName(fileNumber), "the file is missing", { keys });
    }
  }
  return [...live, ...loaded];
}
