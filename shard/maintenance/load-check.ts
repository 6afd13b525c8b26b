import { fileHeaderBytes } from "../../shared/format/file-header.js";
import { type ReadyLoad, readLoadFile } from "../engine/loads.js";
import { listFiles } from "../engine/recovery.js";
import { attempt, type ShardFiles, sizeOf } from "./shard-files.js";

/** Reads the `.load` files of bulk loads that are not yet in the manifest, and gives those that are whole. */
export function checkLoads(files: ShardFiles): ReadyLoad[] {
  const { fileSystem, folder, shard, findings } = files;
  const loads: ReadyLoad[] = [];
  for (const { kind, name, fileNumber } of listFiles(fileSystem, folder)) {
    if (kind === "load") {
      attempt(findings, name, () => {
        files.onRead(sizeOf(files, name));
        const load = readLoadFile(fileSystem, folder, shard, fileNumber);
        if (!/^[0-9a-f]{32}$/.test(load.id)) {
          findings.damage(name, "the load's id is malformed", { offset: fileHeaderBytes });
        }
        loads.push(load);
      });
    }
  }
  return loads;
}
