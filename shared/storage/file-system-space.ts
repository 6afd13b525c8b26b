import fs from "node:fs/promises";

/** The space of the file system of a folder, in bytes. */
export interface FileSystemSpace {
  /** Free for unprivileged users: some systems keep a reserve for root. */
  freeBytes: number;
  totalBytes: number;
}

/** Rejects with the system's own error. */
export async function fileSystemSpace(folder: string): Promise<FileSystemSpace> {
  const { bavail, blocks, bsize } = await fs.statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
