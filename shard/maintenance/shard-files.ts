import type { FastKVError } from "../../shared/errors.js";
import type { Findings } from "../../shared/maintenance/finding.js";
import type { LoggedInput } from "../../shared/maintenance/messages.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { ShardIdentity } from "../engine/version/manifest.js";

/** What every part of an examination works with. */
export interface ShardFiles {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  /** How many shards the keys are spread over. */
  shards: number;
  logged: LoggedInput;
  findings: Findings;
  /** Called with the bytes of files that were read. */
  onRead(bytes: number): void;
}

const unreadableCodes: Record<string, string> = {
  ENOENT: "the file is missing",
  ELOOP: "a symbolic link stands in its place",
  EISDIR: "a folder stands in its place",
  EIO: "the disk cannot open it",
};

/** Why a file could not be opened or read at all, if that is a fault of the folder or disk; undefined for others. */
export function whyUnreadable(error: unknown): string | undefined {
  const cause = (error as FastKVError).cause;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  return unreadableCodes[code];
}

/** Does something that reads a file; what is wrong with it becomes a finding. False where something is. */
export function attempt(findings: Findings, name: string, read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    const why = whyUnreadable(error);
    if (why === undefined) {
      findings.damageOf(error);
    } else {
      findings.damage(name, why);
    }
    return false;
  }
}

export function sizeOf({ fileSystem, folder }: ShardFiles, name: string): number {
  const handle = fileSystem.open(`${folder}/${name}`, "read");
  try {
    return handle.sizeBytes();
  } finally {
    handle.close();
  }
}
