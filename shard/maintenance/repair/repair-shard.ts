import { Findings } from "../../../shared/maintenance/finding.js";
import type { ShardRepair } from "../../../shared/maintenance/messages.js";
import { currentName, manifestName, walName } from "../../engine/files/file-names.js";
import { Manifest } from "../../engine/version/manifest.js";
import type { ShardFiles } from "../shard-files.js";
import { Quarantine } from "./quarantine.js";
import { rebuildShard } from "./rebuild-shard.js";
import { RepairContext } from "./repair-context.js";
import { repairInPlace } from "./repair-in-place.js";
import { lostCommits, type Survey, surveyShard } from "./survey.js";

/**
 * Makes a closed shard consistent again from what can be read of it. What it replaces goes into `lostFolder`.
 * Everything new is on disk before the new manifest is in force; a crash before that leaves the shard as it was.
 * `prefix` is the path of the shard's folder within the database's folder, with a `/` at the end.
 */
export async function repairShard(
  files: ShardFiles,
  { lostFolder, prefix }: { lostFolder: string; prefix: string },
  pause: () => Promise<void>,
): Promise<ShardRepair> {
  const { fileSystem, folder, shard } = files;
  const losses = new Findings(folder, prefix, shard.shardIndex);
  const survey = await surveyShard(files, pause);
  const { state, isCurrentSound } = survey.manifest;
  if (state !== undefined && isCurrentSound && !isDamaged(survey)) {
    const lastSequence = Math.max(state.flushedSequence, survey.lastInWal);
    return { shardIndex: shard.shardIndex, losses: [], lostItems: 0, setAside: [], lastSequence };
  }
  const aside = new Quarantine(fileSystem, folder, lostFolder);
  const workshop = new RepairContext(files, losses, aside, survey.nextFileNumber);
  if (!isCurrentSound) {
    for (const name of [currentName, ...survey.present.manifests.map(manifestName)]) {
      aside.keep(name);
    }
  }
  if (state === undefined) {
    const isGone = Object.values(survey.present).every((numbers) => numbers.length === 0);
    const lost = isGone
      ? "all files of the shard are gone: all its keys are lost, except those in batches that the batch log has"
      : "no manifest is whole: clears that were not yet carried out may be undone, and nobody can say whether other files are missing";
    losses.damage(currentName, lost);
  }
  if (state !== undefined && isOutdated(survey)) {
    const lost =
      "the manifest's last changes are lost: clears that were not yet carried out may be undone, and nobody can say whether files are missing that only these named";
    losses.damage(currentName, lost);
  }
  for (const { log, sizeBytes, missingBytes } of survey.shortLogs) {
    const lost = missingBytes === undefined ? "all writes" : `the writes in ${missingBytes} bytes`;
    const rest = survey.present.logs.includes(log) ? "" : ", except those that are in tables";
    losses.damage(walName(log), `${lost} are lost${rest}: the file was cut off or removed`, {
      offset: sizeBytes,
    });
  }
  const mended =
    state !== undefined && !mustBeRebuilt(survey)
      ? await repairInPlace(workshop, survey, state, pause)
      : await rebuildShard(workshop, survey, pause);
  aside.sync();
  fileSystem.syncFolder(folder);
  const [manifestNumber] = workshop.takeFileNumbers(1);
  const repaired = { ...mended, nextFileNumber: workshop.nextFileNumber };
  const manifest = Manifest.create(fileSystem, folder, shard, manifestNumber!, repaired);
  await manifest.close();
  aside.finish(new Set([currentName]));
  for (const number of survey.present.manifests) {
    fileSystem.remove(`${folder}/${manifestName(number)}`);
  }
  return {
    shardIndex: shard.shardIndex,
    losses: losses.list,
    lostItems: losses.damages,
    setAside: aside.names.map((name) => `${prefix}${name}`),
    lastSequence: Math.max(repaired.flushedSequence, survey.lastInWal),
  };
}

function isDamaged(survey: Survey): boolean {
  return survey.badTables.size > 0 || survey.isWalBad || survey.areLoadsBad || lostCommits(survey).length > 0;
}

/** A WAL with gaps no longer says at which places among its writes bulk loads belong. */
function mustBeRebuilt(survey: Survey): boolean {
  const areLoadsPending = (survey.manifest.state?.ingested.length ?? 0) > 0 || survey.commits.size > 0;
  return isOutdated(survey) || (survey.isWalBad && areLoadsPending);
}

/**
 * A whole manifest may have lost its last changes, because an unreadable end is taken for the work of a crash. Then
 * tables, WAL segments or bulk loads that it relies on are missing, and there are tables that it does not name.
 */
function isOutdated(survey: Survey): boolean {
  const { manifest, present, badTables, loads } = survey;
  const live = new Set([...(manifest.state?.version.tables() ?? [])].map((table) => table.fileNumber));
  const loaded = new Set(loads.flatMap((load) => load.tables.map((table) => table.fileNumber)));
  const hasOthers = present.tables.some((number) => !live.has(number) && !loaded.has(number));
  const isTableMissing = [...badTables.keys()].some((number) => !present.tables.includes(number));
  const isLogMissing = (manifest.state?.logs ?? []).some((log) => !present.logs.includes(log));
  return hasOthers && (isTableMissing || isLogMissing || lostCommits(survey).length > 0);
}
