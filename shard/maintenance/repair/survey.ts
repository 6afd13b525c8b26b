/** The basis of a repair: which tables, WAL segments and loads are sound, and what can still be read of the rest. */

import type { SectionPart } from "../../../shared/format/operations.js";
import { Findings } from "../../../shared/maintenance/finding.js";
import type { ReadyLoad } from "../../engine/bulk-load/loads.js";
import { listFiles, walName } from "../../engine/files/file-names.js";
import { lastUsedLog } from "../../engine/recovery/recovery.js";
import type { LiveTable } from "../../engine/version/version.js";
import { findShortSegment } from "../../engine/wal/wal-start.js";
import { checkLoads, isCommitted, pendingCommits } from "../load-check.js";
import { RoutingCheck } from "../routing-check.js";
import { attempt, type ShardFiles } from "../shard-files.js";
import { checkTableFile } from "../table-check.js";
import { checkSegment } from "../wal-check.js";
import { type SalvagedManifest, salvageManifest } from "./salvage-manifest.js";
import { loadCommitsOf, loggedParts, loggedSequencesOf, salvageWal } from "./salvage-wal.js";

export interface Survey {
  manifest: SalvagedManifest;
  /** All existing tables, WAL segments, manifests and loads, by number, ascending; without dropped tables. */
  present: { tables: number[]; logs: number[]; manifests: number[]; loads: number[] };
  nextFileNumber: number;
  /** Live tables that are damaged or missing. */
  badTables: Map<number, LiveTable>;
  isWalBad: boolean;
  /** Live WAL segments that are missing, or shorter than they were: by how many bytes, if that is known. */
  shortLogs: { log: number; sizeBytes: number; missingBytes: number | undefined }[];
  /** The first and last sequence number in the WAL, 0 if it is empty. */
  firstInWal: number;
  lastInWal: number;
  walTimeMs: number;
  /** Sequence numbers of the parts of logged batches in the WAL. */
  loggedInWal: Set<number>;
  loads: ReadyLoad[];
  /** A `.load` file, or a table that such a file names, is damaged. */
  areLoadsBad: boolean;
  /** Committed bulk loads, according to the WAL and the batch log: ids by sequence number. */
  commits: Map<number, string>;
}

/** The same files with findings that nobody reads: only their number counts. */
function probe(files: ShardFiles): ShardFiles {
  return { ...files, findings: new Findings(files.folder, "", undefined), onRead: () => undefined };
}

export async function surveyShard(files: ShardFiles, pause: () => Promise<void>): Promise<Survey> {
  const { fileSystem, folder } = files;
  const names = listFiles(fileSystem, folder);
  const numbersOf = (kind: string): number[] =>
    names
      .filter((file) => file.kind === kind)
      .map((file) => file.fileNumber)
      .sort((a, b) => a - b);
  const manifest = salvageManifest(files);
  const present = {
    tables: numbersOf("table").filter((number) => !manifest.dropped.has(number)),
    logs: numbersOf("wal"),
    manifests: numbersOf("manifest"),
    loads: numbersOf("load"),
  };
  const known = manifest.state?.nextFileNumber ?? manifest.facts.nextFileNumber;
  const survey: Survey = {
    manifest,
    present,
    nextFileNumber: names.reduce((highest, file) => Math.max(highest, file.fileNumber + 1), known),
    badTables: new Map(),
    isWalBad: false,
    shortLogs: [],
    firstInWal: 0,
    lastInWal: 0,
    walTimeMs: 0,
    loggedInWal: new Set(),
    loads: [],
    areLoadsBad: false,
    commits: new Map(),
  };
  surveyWal(files, survey);
  const loadProbe = probe(files);
  survey.loads = checkLoads(loadProbe);
  survey.areLoadsBad = loadProbe.findings.damages > 0;
  for (const [sequence, part] of loggedParts(files)) {
    addAll(survey.commits, loadCommitsOf(part));
    const isDue = sequence > (manifest.state?.flushedSequence ?? 0) && sequence <= survey.lastInWal;
    survey.isWalBad ||= isDue && !survey.loggedInWal.has(sequence);
  }
  for (const sequence of survey.commits.keys()) {
    if (!isCommitted(sequence, files.logged)) {
      survey.commits.delete(sequence);
    }
  }
  for (const table of manifest.state?.version.tables() ?? []) {
    if (!present.tables.includes(table.fileNumber) || !isTableSound(files, table)) {
      survey.badTables.set(table.fileNumber, table);
    }
    await pause();
  }
  for (const info of survey.loads.flatMap((load) => load.tables)) {
    const table = { ...info, sequenceOverride: 0, clearedSequence: 0 };
    if (!present.tables.includes(info.fileNumber) || !isTableSound(files, table)) {
      survey.areLoadsBad = true;
    }
    await pause();
  }
  return survey;
}

function isTableSound(files: ShardFiles, table: LiveTable): boolean {
  const { sequenceOverride, clearedSequence: _, ...info } = table;
  const probed = probe(files);
  const expected = { fileNumber: info.fileNumber, info, sequenceOverride };
  checkTableFile(probed, expected, new RoutingCheck(probed), () => undefined);
  files.onRead(info.sizeBytes);
  return probed.findings.damages === 0;
}

function surveyWal(files: ShardFiles, survey: Survey): void {
  const { fileSystem, folder } = files;
  const { manifest, present } = survey;
  const { state } = manifest;
  const logs = state?.logs ?? present.logs;
  const sizes = state?.cleanFiles ?? {};
  const there = logs.filter((log) => present.logs.includes(log));
  survey.isWalBad = there.length < logs.length;
  for (const log of logs.filter((one) => !there.includes(one))) {
    survey.shortLogs.push({ log, sizeBytes: 0, missingBytes: sizes[walName(log)] });
  }
  const lastUsed = lastUsedLog(fileSystem, folder, there);
  for (const log of there) {
    const probed = probe(files);
    const mayBeTorn = state?.cleanFiles === undefined && log >= lastUsed;
    const sizeBytes = checkSegment(probed, log, mayBeTorn, new RoutingCheck(probed), () => undefined);
    const expected = sizes[walName(log)];
    if (probed.findings.damages > 0 || (expected !== undefined && expected !== sizeBytes)) {
      survey.isWalBad = true;
    }
    if (expected !== undefined && expected > sizeBytes) {
      survey.shortLogs.push({ log, sizeBytes, missingBytes: expected - sizeBytes });
    }
  }
  const probed = probe(files);
  attempt(probed.findings, "*.wal", () => {
    const short = findShortSegment(fileSystem, folder, files.shard, there);
    if (short !== undefined && sizes[walName(short.number)] === undefined) {
      const { number, sizeBytes, expectedBytes } = short;
      survey.isWalBad = true;
      survey.shortLogs.push({ log: number, sizeBytes, missingBytes: expectedBytes - sizeBytes });
    }
  });
  for (const log of present.logs) {
    salvageWal(files, log, (writes) => addWrites(survey, writes), undefined);
  }
}

function addWrites(survey: Survey, writes: SectionPart & { timeMs: number }): void {
  const first = survey.firstInWal === 0 ? Number.POSITIVE_INFINITY : survey.firstInWal;
  survey.firstInWal = Math.min(first, writes.firstSequence);
  survey.lastInWal = Math.max(survey.lastInWal, writes.lastSequence);
  survey.walTimeMs = Math.max(survey.walTimeMs, writes.timeMs);
  for (const sequence of loggedSequencesOf(writes)) {
    survey.loggedInWal.add(sequence);
  }
  addAll(survey.commits, loadCommitsOf(writes));
}

function addAll<Key, Value>(target: Map<Key, Value>, more: ReadonlyMap<Key, Value>): void {
  for (const [key, value] of more) {
    target.set(key, value);
  }
}

/** Bulk loads that were committed but whose tables neither the manifest nor a `.load` file names. */
export function lostCommits({ manifest, commits, loads }: Survey): [sequence: number, id: string][] {
  const { state, facts } = manifest;
  const { flushedSequence, ingested } = state ?? { flushedSequence: facts.flushedSequence, ingested: [] };
  const taken = new Set([...facts.tables.values()].map((table) => table.sequenceOverride));
  return pendingCommits(commits, { flushedSequence, ingested }).filter(
    ([sequence, id]) => !taken.has(sequence) && !loads.some((load) => load.id === id),
  );
}
