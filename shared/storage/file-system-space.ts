import fs from "node:fs/promises";

/** How much room the file system of a folder has, in bytes. */
export interface FileSystemSpace {
  /** For users without rights of their own: some systems keep a reserve for root. */
  freeBytes: number;
  totalBytes: number;
}

/** Rejects with the system's own error. */
export async function fileSystemSpace(folder: string): Promise<FileSystemSpace> {
  const { bavail, blocks, bsize } = await fs.statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
