import type { FastKVError } from "../../shared/errors.js";
import type { Findings } from "../../shared/maintenance/finding.js";
import type { LoggedInput } from "../../shared/maintenance/messages.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { ShardIdentity } from "../engine/files/shard-identity.js";

/** What every part of an examination works with. */
export interface ShardFiles {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  /** The number of shards over which the keys are distributed. */
  shards: number;
  logged: LoggedInput;
  findings: Findings;
  /** Called with the number of bytes that were read from files. */
  onRead(bytes: number): void;
}

const unreadableCodes: Record<string, string> = {
  ENOENT: "the file is missing",
  ELOOP: "a symbolic link stands in its place",
  EISDIR: "a folder stands in its place",
  EIO: "the disk cannot open it",
};

/** Why a file could not be opened or read at all, if that is a fault of the folder or the disk; otherwise undefined. */
export function whyUnreadable(error: unknown): string | undefined {
  const cause = (error as FastKVError).cause;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  return unreadableCodes[code];
}

/** Calls a function that reads a file, and turns its errors into findings. Returns false if there was one. */
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
