/** Names of the files in a shard's folder. A number is never used twice, so no file is ever overwritten. */

import type { FileSystem } from "../../../shared/storage/file-system.js";

export const currentName = "CURRENT";

function padded(fileNumber: number): string {
  return String(fileNumber).padStart(6, "0");
}

export function walName(fileNumber: number): string {
  return `${padded(fileNumber)}.wal`;
}

export function tableName(fileNumber: number): string {
  return `${padded(fileNumber)}.sst`;
}

export function loadName(fileNumber: number): string {
  return `${padded(fileNumber)}.load`;
}

export function manifestName(fileNumber: number): string {
  return `MANIFEST-${padded(fileNumber)}`;
}

export type ShardFileKind = "wal" | "table" | "load" | "manifest" | "current" | "temporary";

export interface ShardFileName {
  name: string;
  kind: ShardFileKind;
  /** 0 for kinds without a number. */
  fileNumber: number;
}

/** Undefined if the name is not one of ours: such files are left alone. */
export function parseFileName(name: string): ShardFileName | undefined {
  if (name === currentName) {
    return { name, kind: "current", fileNumber: 0 };
  }
  if (name === `${currentName}.tmp` || /^\d{6,}\.load\.tmp$/.test(name)) {
    return { name, kind: "temporary", fileNumber: 0 };
  }
  const match = /^(?:(\d{6,})\.(wal|sst|load)|MANIFEST-(\d{6,}))$/.exec(name);
  if (match === null) {
    return undefined;
  }
  const fileNumber = Number(match[1] ?? match[3]);
  if (!Number.isSafeInteger(fileNumber)) {
    return undefined;
  }
  const kinds = { wal: "wal", sst: "table", load: "load" } as const;
  return {
    name,
    kind: match[3] === undefined ? kinds[match[2] as keyof typeof kinds] : "manifest",
    fileNumber,
  };
}

/** The files in a folder that are ours. */
export function listFiles(fileSystem: FileSystem, folder: string): ShardFileName[] {
  return fileSystem
    .list(folder)
    .map(parseFileName)
    .filter((file) => file !== undefined);
}
