import { fileHeaderBytes } from "../../shared/format/file-header.js";
import type { LoggedInput } from "../../shared/maintenance/messages.js";
import { type ReadyLoad, readLoadFile } from "../engine/bulk-load/loads.js";
import { listFiles } from "../engine/files/file-names.js";
import type { ManifestState } from "../engine/version/manifest.js";
import { attempt, type ShardFiles, sizeOf } from "./shard-files.js";

/** Reads the `.load` files of bulk loads that are not yet in the manifest, and returns those that are whole. */
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

/**
 * Whether the commit of a bulk load counts: the next start drops a commit that needs a record in the batch log and has
 * none.
 */
export function isCommitted(sequence: number, { isWhole, cutSequence, sequences }: LoggedInput): boolean {
  return !isWhole || sequence <= cutSequence || sequences.includes(sequence);
}

/** The commits of bulk loads (ids by sequence number) that are not yet in the manifest: each needs its `.load` file. */
export function pendingCommits(
  commits: ReadonlyMap<number, string>,
  { flushedSequence, ingested }: Pick<ManifestState, "flushedSequence" | "ingested">,
): [sequence: number, id: string][] {
  return [...commits].filter(([sequence]) => sequence > flushedSequence && !ingested.includes(sequence));
}
