/** Damage to files of a closed database. */

import fs from "node:fs";
import path from "node:path";

/** Flips bits of one byte. */
export function flipByte(file: string, offset: number, mask = 0x10): void {
  const descriptor = fs.openSync(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    fs.readSync(descriptor, byte, 0, 1, offset);
    byte[0]! ^= mask;
    fs.writeSync(descriptor, byte, 0, 1, offset);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The files below a folder whose relative path matches, in order of their names. */
export function filesMatching(folder: string, pattern: RegExp): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(
      (name) =>
        pattern.test(name) &&
        fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile() === true,
    )
    .sort();
}

/** All files but those of the lock, with their contents: to see that nothing has changed. */
export function contentsOf(folder: string): Map<string, string> {
  return new Map(
    filesMatching(folder, /^(?!OWNER-)/).map((name) => [
      name,
      fs.readFileSync(path.join(folder, name)).toString("base64"),
    ]),
  );
}
