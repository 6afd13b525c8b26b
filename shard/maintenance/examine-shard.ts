import type { ShardExamination } from "../../shared/maintenance/messages.js";
import { checkManifest } from "./manifest-check.js";
import { RoutingCheck } from "./routing-check.js";
import type { ShardFiles } from "./shard-files.js";
import { checkTableFile } from "./table-check.js";

/** Reads every file of a closed shard and says what is wrong. Changes nothing. `pause` lets messages out now and then. */
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
  const routing = new RoutingCheck(counted);
  let tables = 0;
  let entries = 0;
  for (const table of state?.version.tables() ?? []) {
    const { sequenceOverride, clearedSequence: _, ...info } = table;
    entries += checkTableFile(counted, { info, sequenceOverride }, routing, () => undefined);
    tables += 1;
    await pause();
  }
  return {
    findings: findings.list,
    damages: findings.damages,
    unlisted: findings.unlisted,
    wasClean: state?.cleanFiles !== undefined,
    bytes,
    tables,
    entries,
    walRecords: 0,
  };
}
