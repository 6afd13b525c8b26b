import { readdirSync, statSync } from "node:fs";
import path from "node:path";

const statBlockBytes = 512;

/** Bytes that the files of a folder actually take on disk, without the holes of sparse files. */
export function bytesOnDisk(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      try {
        sum += statSync(path.join(entry.parentPath, entry.name)).blocks * statBlockBytes;
      } catch {
        // A store has just removed the file.
      }
    }
  }
  return sum;
}
