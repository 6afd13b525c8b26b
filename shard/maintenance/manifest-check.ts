import { currentName, listFiles, tableName, walName } from "../engine/files/file-names.js";
import { loadManifest, type ManifestState } from "../engine/version/manifest.js";
import { attempt, type ShardFiles, sizeOf } from "./shard-files.js";

/** Reads the manifest and compares what it says about files with the folder. Undefined if it cannot be read. */
export function checkManifest(files: ShardFiles): ManifestState | undefined {
  const { fileSystem, folder, shard, findings } = files;
  let state: ManifestState | undefined;
  attempt(findings, currentName, () => {
    const loaded = loadManifest(fileSystem, folder, shard);
    if (loaded === undefined) {
      findings.damage(currentName, "the file is missing");
      return;
    }
    state = loaded.state;
    const { manifestPath, tornBytes } = loaded;
    const name = manifestPath.slice(folder.length + 1);
    files.onRead(sizeOf(files, name));
    if (tornBytes > 0) {
      findings.note(
        name,
        `torn tail of ${tornBytes} bytes: what a crash cut short, or damage at the very end`,
        {
          offset: sizeOf(files, name) - tornBytes,
        },
      );
    }
  });
  if (state !== undefined) {
    checkPresence(files, state);
  }
  return state;
}

/** Checks that every file that must exist does, with its size. */
function checkPresence(files: ShardFiles, state: ManifestState): void {
  const expected = new Map<string, { sizeBytes: number | undefined; keys?: { from: string; to: string } }>();
  for (const [name, sizeBytes] of Object.entries(state.cleanFiles ?? {})) {
    expected.set(name, { sizeBytes });
  }
  for (const log of state.logs) {
    const name = walName(log);
    expected.set(name, { sizeBytes: expected.get(name)?.sizeBytes });
  }
  for (const { fileNumber, sizeBytes, smallest, largest } of state.version.tables()) {
    expected.set(tableName(fileNumber), { sizeBytes, keys: { from: smallest, to: largest } });
  }
  for (const [name, { sizeBytes, keys }] of expected) {
    if (!files.fileSystem.exists(`${files.folder}/${name}`)) {
      files.findings.damage(name, "the file is missing", { keys });
      continue;
    }
    attempt(files.findings, name, () => {
      const found = sizeOf(files, name);
      if (sizeBytes !== undefined && found !== sizeBytes) {
        files.findings.damage(name, `the file has ${found} bytes, not ${sizeBytes}`, {
          offset: Math.min(found, sizeBytes),
          keys,
        });
      }
    });
  }
}

/** Notes files that a crash may leave and that the next start removes. Without a manifest none can be recognized. */
export function noteLeftovers(
  { fileSystem, folder, findings }: ShardFiles,
  state: ManifestState | undefined,
  { tables, loads }: { tables: ReadonlySet<number>; loads: ReadonlySet<number> },
): void {
  const logs = new Set(state?.logs);
  for (const { kind, name, fileNumber } of state === undefined ? [] : listFiles(fileSystem, folder)) {
    const isLeftover =
      kind === "temporary" ||
      (kind === "table" && !tables.has(fileNumber)) ||
      (kind === "load" && !loads.has(fileNumber)) ||
      (kind === "wal" && !logs.has(fileNumber));
    if (isLeftover) {
      findings.note(name, "a file that the manifest does not name; the next start removes what nobody needs");
    }
  }
}
