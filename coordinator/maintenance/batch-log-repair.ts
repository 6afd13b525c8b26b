import type { Finding } from "../../shared/maintenance/finding.js";
import { pathOf, recordType } from "../batch-log/log-format.js";
import { startFile } from "../batch-log/start-file.js";
import type { ClosedDatabase, CommonFiles } from "./closed-database.js";
import type { LostFolder } from "./lost-folder.js";

/**
 * Replaces a damaged batch log by a new one. The new log says that no part that a shard has needs a record any more,
 * and contains what could be read of batches that shards lack.
 */
export async function replaceBatchLog(
  { fileSystem, folder, ownership }: ClosedDatabase,
  { identity, log }: CommonFiles,
  state: { lastSequences: readonly number[]; highest: number; lost: LostFolder },
): Promise<Finding> {
  const batches = (log?.batches ?? [])
    .map(({ sequence, parts }) => ({
      sequence,
      parts: parts.filter(({ shard }) => sequence > (state.lastSequences[shard] ?? 0)),
    }))
    .filter(({ parts }) => parts.length > 0);
  const files = log?.files ?? [];
  const fileNumber = (files.at(-1) ?? 0) + 1;
  const names = files.map((number) => pathOf(folder, number).slice(folder.length + 1));
  for (const name of names) {
    state.lost.keep(name);
  }
  const writer = await startFile(
    { fileSystem, folder, databaseId: identity!.identity.databaseId, epoch: ownership.epoch },
    fileNumber,
    {
      type: recordType.restart,
      earlierSequence: Math.max(state.highest, log?.lastSequence ?? 0),
      batches,
    },
    log?.timeMs ?? 0,
  );
  writer.release();
  for (const name of names) {
    fileSystem.remove(`${folder}/${name}`);
  }
  fileSystem.syncFolder(folder);
  return {
    severity: "damage",
    file: names.at(-1) ?? pathOf(folder, fileNumber).slice(folder.length + 1),
    message:
      "records of the batch log are lost: of the last batches over several shards, some may be there in part",
  };
}
