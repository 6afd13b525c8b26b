/** Finds out which database a folder contains, if its identity file may be damaged or missing. */

import { decodeFileHeader, fileHeaderBytes } from "../../shared/format/file-header.js";
import { hashName } from "../../shared/hash.js";
import type { Findings } from "../../shared/maintenance/finding.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { type Identity, identityFileName, readIdentity } from "../ownership/identity-file.js";
import { listShardFolders, shardFolderName } from "../ownership/shard-folders.js";

export interface SurveyedIdentity {
  identity: Identity;
  /** Whether the identity file is sound; if not, the identity was derived from the other files. */
  isSound: boolean;
}

/** Returns the identity from its file, or else derived from the other files; undefined if no file tells. */
export function surveyIdentity(
  fileSystem: FileSystem,
  folder: string,
  findings: Findings,
): SurveyedIdentity | undefined {
  try {
    const identity = readIdentity(fileSystem, folder);
    if (identity !== undefined) {
      return { identity, isSound: true };
    }
    findings.damage(identityFileName, "the file is missing");
  } catch (error) {
    findings.damageOf(error);
  }
  const identity = gatherIdentity(fileSystem, folder);
  return identity === undefined ? undefined : { identity, isSound: false };
}

/** Takes the database id that most files name, and derives the number of shards from their folders. */
function gatherIdentity(fileSystem: FileSystem, folder: string): Identity | undefined {
  const shardFolders = listShardFolders(fileSystem, folder);
  const paths = [
    ...namesIn(fileSystem, folder).map((name) => `${folder}/${name}`),
    ...shardFolders.flatMap((index) => {
      const shardFolder = `${folder}/${shardFolderName(index)}`;
      return namesIn(fileSystem, shardFolder).map((name) => `${shardFolder}/${name}`);
    }),
  ];
  const votes = new Map<string, number>();
  let epoch = 1;
  for (const path of paths) {
    const header = headerOf(fileSystem, path);
    if (header !== undefined) {
      const id = Buffer.from(header.databaseId).toString("hex");
      votes.set(id, (votes.get(id) ?? 0) + 1);
      epoch = Math.max(epoch, header.epoch);
    }
  }
  const winner = [...votes].sort((a, b) => b[1] - a[1])[0];
  const last = shardFolders.at(-1);
  if (winner === undefined || last === undefined) {
    return undefined;
  }
  return {
    databaseId: new Uint8Array(Buffer.from(winner[0], "hex")),
    epoch,
    shards: last + 1,
    hash: hashName,
    initialized: true,
    createdAtMs: 0,
  };
}

function namesIn(fileSystem: FileSystem, folder: string): string[] {
  try {
    return fileSystem.list(folder);
  } catch {
    // Not a folder, or not readable: other files are counted.
    return [];
  }
}

function headerOf(fileSystem: FileSystem, path: string): ReturnType<typeof decodeFileHeader> | undefined {
  try {
    const handle = fileSystem.open(path, "read");
    try {
      const bytes = Buffer.alloc(fileHeaderBytes);
      return decodeFileHeader(bytes.subarray(0, handle.read(bytes, 0)), path);
    } finally {
      handle.close();
    }
  } catch {
    // A folder, a file of another kind, or a damaged header does not count.
    return undefined;
  }
}
