/**
 * Repairs a shard without a whole manifest: it is unknown which tables are live and how they lie above each other.
 * Everything readable in tables and WAL is merged by sequence number into new tables of one level.
 */

import { fileKind } from "../../../shared/format/file-header.js";
import {
  filterSection,
  OperationReader,
  operationKind,
  type SectionPart,
} from "../../../shared/format/operations.js";
import { loadName, manifestName, tableName, walName } from "../../engine/files/file-names.js";
import { fileIdentity } from "../../engine/files/shard-identity.js";
import type { Cursor } from "../../engine/iterator/cursor.js";
import { MergingCursor } from "../../engine/iterator/merging-cursor.js";
import { Arena } from "../../engine/memtable/arena.js";
import { MemtableCursor } from "../../engine/memtable/memtable-cursor.js";
import { rebuildMemtable } from "../../engine/memtable/rebuild.js";
import { type RangeDelete, rangeOf } from "../../engine/read-path/range-delete.js";
import { BlockCache } from "../../engine/table/block-cache.js";
import type { TableInfo } from "../../engine/table/table-format.js";
import { TableReader } from "../../engine/table/table-reader.js";
import { emptyState, type ManifestState } from "../../engine/version/manifest.js";
import type { LiveTable } from "../../engine/version/version.js";
import { LoadPlaces } from "./load-places.js";
import type { RepairContext } from "./repair-context.js";
import type { SalvagedTable } from "./salvage-table.js";
import { loggedParts, salvageWal } from "./salvage-wal.js";
import type { Survey } from "./survey.js";

/** Merged tables are disjoint, so any level except 0 would do. */
const outputLevel = 1;

interface Source {
  fileNumber: number;
  sequenceOverride: number;
  info: TableInfo | undefined;
}

/** Returns the state that is to be put in force. No existing file has been changed yet. */
export async function rebuildShard(
  workshop: RepairContext,
  survey: Survey,
  pause: () => Promise<void>,
): Promise<ManifestState> {
  const { state, facts } = survey.manifest;
  const rangeDeletes = new Map(facts.rangeDeletes);
  for (const range of state?.rangeDeletes ?? []) {
    rangeDeletes.set(range.sequence, range);
  }
  const flushedBefore = Math.max(facts.flushedSequence, state?.flushedSequence ?? 0);
  const sources = chooseSources(workshop, survey);
  const opened: SalvagedTable[] = [];
  try {
    for (const { fileNumber, sequenceOverride, info } of sources) {
      const keys = info === undefined ? undefined : { from: info.smallest, to: info.largest };
      const salvaged = workshop.openTable(fileNumber, sequenceOverride, keys);
      if (salvaged !== undefined) {
        opened.push(salvaged);
      }
      await pause();
    }
    const highestInTables = sources.reduce(
      (highest, { info, sequenceOverride }) => Math.max(highest, info?.maxSequence ?? 0, sequenceOverride),
      0,
    );
    const memory = gatherWal(workshop, survey, rangeDeletes, highestInTables);
    const cursors: Cursor[] = [...opened.map((table) => table.cursor), ...memory.cursors];
    const inputBytes = sources.reduce((sum, { info }) => sum + (info?.sizeBytes ?? 0), memory.bytes);
    const tables =
      cursors.length === 0 ? [] : workshop.writeTables(new MergingCursor(cursors), 2 * inputBytes);
    keepAll(workshop, survey);
    const empty = emptyState();
    const flushedSequence = tables.reduce(
      (highest, table) => Math.max(highest, table.maxSequence),
      Math.max(flushedBefore, survey.lastInWal, memory.lastSequence, highestInTables),
    );
    const addedTables = tables.map((info) => ({
      level: outputLevel,
      table: { ...info, sequenceOverride: 0, clearedSequence: 0 },
    }));
    return {
      ...empty,
      version: empty.version.apply({ addedTables }),
      logNumber: workshop.nextFileNumber,
      flushedSequence,
      nextFileNumber: workshop.nextFileNumber,
      timeMs: Math.max(facts.timeMs, survey.walTimeMs, state?.timeMs ?? 0),
      rangeDeletes: [...rangeDeletes.values()].sort((a, b) => a.sequence - b.sequence),
    };
  } finally {
    for (const { close } of opened) {
      close();
    }
  }
}

/** All tables except those of bulk loads that were never committed. */
function chooseSources(workshop: RepairContext, survey: Survey): Source[] {
  const known = new Map<number, LiveTable>(survey.manifest.facts.tables);
  for (const table of survey.manifest.state?.version.tables() ?? []) {
    known.set(table.fileNumber, table);
  }
  const givenUp = new Set<number>();
  for (const load of survey.loads) {
    const commit = [...survey.commits].find(([, id]) => id === load.id);
    for (const info of load.tables.filter((one) => !known.has(one.fileNumber))) {
      if (commit === undefined) {
        givenUp.add(info.fileNumber);
      } else {
        known.set(info.fileNumber, { ...info, sequenceOverride: commit[0], clearedSequence: 0 });
      }
    }
  }
  const places = new LoadPlaces(survey, new Set(workshop.files.logged.sequences));
  const sources: Source[] = [];
  let highest = 0;
  for (const fileNumber of survey.present.tables.filter((number) => !givenUp.has(number))) {
    const table = known.get(fileNumber);
    const info = table ?? infoOf(workshop, fileNumber);
    let sequenceOverride = table?.sequenceOverride ?? 0;
    if (table === undefined && info?.maxSequence === 0) {
      if (places.areNone) {
        continue;
      }
      sequenceOverride = places.take(info, highest);
      if (!places.areSure) {
        const message = `the place of a bulk load among other writes is lost; it is taken to be ${sequenceOverride}`;
        const keys = { from: info.smallest, to: info.largest };
        workshop.losses.damage(tableName(fileNumber), message, { keys });
      }
    }
    highest = Math.max(highest, info?.maxSequence ?? 0, sequenceOverride);
    sources.push({ fileNumber, sequenceOverride, info });
  }
  for (const [fileNumber, { smallest, largest }] of survey.badTables) {
    if (!survey.present.tables.includes(fileNumber)) {
      const keys = { from: smallest, to: largest };
      const lost = "the file is missing: its entries are lost, except those that are in other tables";
      workshop.losses.damage(tableName(fileNumber), lost, { keys });
    }
  }
  return sources;
}

/** A table's information about itself; undefined if that is damaged. */
function infoOf({ files }: RepairContext, fileNumber: number): TableInfo | undefined {
  const { fileSystem, folder, shard } = files;
  try {
    const identity = fileIdentity(shard, fileKind.table, fileNumber);
    const path = `${folder}/${tableName(fileNumber)}`;
    const reader = TableReader.open(fileSystem, path, identity, new BlockCache(0));
    reader.close();
    return reader.info;
  } catch {
    // The damage is reported when the table is opened for its entries.
    return undefined;
  }
}

interface GatheredWal {
  cursors: Cursor[];
  bytes: number;
  lastSequence: number;
}

/**
 * Collects the writes of the WAL, and those of the batch log that should be in the WAL. Adds their range deletes to
 * `rangeDeletes`.
 */
function gatherWal(
  { files, losses }: RepairContext,
  survey: Survey,
  rangeDeletes: Map<number, RangeDelete>,
  highestInTables: number,
): GatheredWal {
  const { logged } = files;
  const sequences = new Set(logged.sequences);
  const gathered: GatheredWal = { cursors: [], bytes: 0, lastSequence: 0 };
  const gather = (read: (onWrites: (writes: SectionPart) => void) => void): void => {
    const arena = new Arena(1024 * 1024);
    read((writes) => {
      const part = filterSection(
        writes.section,
        writes.firstSequence,
        (operation, sequence) =>
          !operation.logged || !logged.isWhole || sequence <= logged.cutSequence || sequences.has(sequence),
      );
      if (part !== undefined) {
        takeRangeDeletes(part, rangeDeletes);
        arena.append(part.section, part.firstSequence);
        gathered.lastSequence = Math.max(gathered.lastSequence, part.lastSequence);
      }
    });
    gathered.bytes += arena.allocatedBytes;
    gathered.cursors.push(new MemtableCursor(rebuildMemtable(arena.share())));
  };
  for (const log of survey.present.logs) {
    gather((onWrites) => salvageWal(files, log, onWrites, losses));
  }
  // Everything before the first write in the WAL is in tables, and may have been deleted there since.
  const { state, facts } = survey.manifest;
  const flushed = Math.max(
    survey.firstInWal > 0 ? survey.firstInWal - 1 : highestInTables,
    facts.flushedSequence,
    state?.flushedSequence ?? 0,
  );
  gather((onWrites) => {
    for (const [sequence, part] of loggedParts(files)) {
      if (sequence > flushed && !survey.loggedInWal.has(sequence)) {
        onWrites(part);
      }
    }
  });
  return gathered;
}

function takeRangeDeletes(part: SectionPart, rangeDeletes: Map<number, RangeDelete>): void {
  const reader = new OperationReader(part.section);
  while (reader.next()) {
    if (reader.kind === operationKind.deleteRange) {
      const { buffer, keyStart, valueStart, end, tag } = reader;
      const lower = buffer.latin1Slice(keyStart, valueStart);
      const range = rangeOf(lower, buffer.latin1Slice(valueStart, end), tag);
      const sequence = part.firstSequence + reader.sequenceDelta;
      if (range.upper === null || range.upper > range.lower) {
        rangeDeletes.set(sequence, { ...range, sequence });
      }
    }
  }
}

/** All of these went into the new tables, as far as they could be read. */
function keepAll({ aside }: RepairContext, { present }: Survey): void {
  for (const name of [
    ...present.tables.map(tableName),
    ...present.logs.map(walName),
    ...present.loads.map(loadName),
    ...present.manifests.map(manifestName),
  ]) {
    aside.keep(name);
  }
}
