import type { FileSystem } from "../../shared/storage/file-system.js";

const shardFolderPattern = /^shard-(\d{3})$/;

export function shardFolderName(index: number): string {
  return `shard-${String(index).padStart(3, "0")}`;
}

export function isShardFolderName(name: string): boolean {
  return shardFolderPattern.test(name);
}

/** Returns the indices of the existing shard folders, ascending. */
export function listShardFolders(fileSystem: FileSystem, folder: string): number[] {
  return fileSystem
    .list(folder)
    .map((name) => shardFolderPattern.exec(name))
    .filter((match) => match !== null)
    .map((match) => Number(match[1]));
}
