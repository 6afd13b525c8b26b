/**
 * Repairs a shard whose manifest is whole. Damaged tables are replaced by what can be read of them, at the same place
 * in the tree, and a damaged WAL by new segments. What is sound stays as it is.
 */

import type { SectionPart } from "../../../shared/format/operations.js";
import type { RecordLogWriter } from "../../../shared/record-log/record-log.js";
import type { ReadyLoad } from "../../engine/bulk-load/loads.js";
import { loadName, tableName, walName } from "../../engine/files/file-names.js";
import type { ManifestState } from "../../engine/version/manifest.js";
import type { LiveTable } from "../../engine/version/version.js";
import { operationsRecordType, Wal } from "../../engine/wal/wal.js";
import { pendingCommits } from "../load-check.js";
import type { RepairContext } from "./repair-context.js";
import { loggedParts, type SalvagedWrites, salvageWal } from "./salvage-wal.js";
import type { Survey } from "./survey.js";

/** Returns the state that is to be put in force. No existing file has been changed yet. */
export async function repairInPlace(
  workshop: RepairContext,
  survey: Survey,
  state: ManifestState,
  pause: () => Promise<void>,
): Promise<ManifestState> {
  const addedTables: { level: number; table: LiveTable }[] = [];
  for (const [level, tables] of state.version.levels.entries()) {
    for (const table of tables.filter((one) => survey.badTables.has(one.fileNumber))) {
      addedTables.push(...replaceTable(workshop, table).map((one) => ({ level, table: one })));
      await pause();
    }
  }
  const loads = mendLoads(workshop, survey, state);
  addedTables.push(...loads.tables.map((table) => ({ level: 0, table })));
  const version = state.version.apply({ removedTables: [...survey.badTables.keys()], addedTables });
  const logs = survey.isWalBad ? rewriteWal(workshop, survey, state) : state.logs;
  return {
    ...state,
    version,
    logs,
    logNumber: survey.isWalBad ? (logs[0] ?? workshop.nextFileNumber) : state.logNumber,
    ingested: [...state.ingested, ...loads.commits],
    cleanFiles: undefined,
  };
}

function replaceTable(workshop: RepairContext, table: LiveTable): LiveTable[] {
  const { fileNumber, sequenceOverride, clearedSequence, smallest, largest, sizeBytes } = table;
  workshop.aside.keep(tableName(fileNumber));
  const salvaged = workshop.openTable(fileNumber, sequenceOverride, { from: smallest, to: largest });
  if (salvaged === undefined) {
    return [];
  }
  try {
    return workshop
      .writeTables(salvaged.cursor, sizeBytes)
      .map((info) => ({ ...info, sequenceOverride: 0, clearedSequence }));
  } finally {
    salvaged.close();
  }
}

/**
 * Handles bulk loads that are not in the manifest yet. If all are sound, they are left to the next start. Otherwise
 * each committed load is put into the tree here, as far as it can be read, and the others are given up.
 */
function mendLoads(
  workshop: RepairContext,
  survey: Survey,
  state: ManifestState,
): { tables: LiveTable[]; commits: number[] } {
  const tables: LiveTable[] = [];
  const commits: number[] = [];
  for (const [sequence, id] of pendingCommits(survey.commits, state)) {
    const load = survey.loads.find((one) => one.id === id);
    if (load === undefined) {
      commits.push(sequence);
      workshop.losses.damage(
        "*.load",
        `the bulk load that was committed as ${sequence} is lost in this shard`,
      );
    } else if (survey.areLoadsBad) {
      commits.push(sequence);
      tables.push(...takeLoad(workshop, load, sequence));
    }
  }
  const needed = new Set([...state.version.tables()].map((table) => table.fileNumber));
  if (survey.areLoadsBad) {
    for (const number of survey.present.loads) {
      workshop.aside.keep(loadName(number));
    }
  } else {
    for (const table of survey.loads.flatMap((load) => load.tables)) {
      needed.add(table.fileNumber);
    }
  }
  // The next start would remove tables that neither the manifest nor a load names.
  for (const number of survey.present.tables.filter((one) => !needed.has(one))) {
    workshop.aside.keep(tableName(number));
  }
  return { tables, commits };
}

function takeLoad(workshop: RepairContext, load: ReadyLoad, sequence: number): LiveTable[] {
  return load.tables.flatMap((info) =>
    replaceTable(workshop, { ...info, sequenceOverride: sequence, clearedSequence: 0 }),
  );
}

/**
 * Writes one new segment for each old one, so that memtables stay as large as they were. Returns the segment numbers.
 */
function rewriteWal(workshop: RepairContext, survey: Survey, state: ManifestState): number[] {
  const { files, losses, aside } = workshop;
  const missing = [...loggedParts(files)]
    .filter(
      ([sequence]) =>
        sequence > state.flushedSequence && sequence <= survey.lastInWal && !survey.loggedInWal.has(sequence),
    )
    .map(([, part]) => part);
  const written: number[] = [];
  for (const log of state.logs) {
    const [number] = workshop.takeFileNumbers(1);
    let writer: RecordLogWriter | undefined;
    const append = ({ section, firstSequence }: SectionPart, timeMs: number): void => {
      writer ??= Wal.createSegment(files.fileSystem, files.folder, files.shard, number!);
      writer.append(operationsRecordType, firstSequence, timeMs, section);
    };
    const onWrites = (writes: SalvagedWrites): void => {
      while (missing.length > 0 && missing[0]!.firstSequence < writes.firstSequence) {
        append(missing.shift()!, writes.timeMs);
      }
      append(writes, writes.timeMs);
    };
    if (survey.present.logs.includes(log)) {
      salvageWal(files, log, onWrites, losses);
    }
    aside.keep(walName(log));
    if (writer !== undefined) {
      writer.sync();
      writer.release();
      written.push(number!);
    }
  }
  return written;
}
