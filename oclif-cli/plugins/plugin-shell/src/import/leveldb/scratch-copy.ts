/**
 * LevelDB cannot open a database without writing to its folder: it makes a new log and manifest, and merges tables. So
 * it is given a folder of ours with links to the tables, which it never changes, and copies of all else. The source's
 * LOCK is linked too: the lock that LevelDB takes on it is the source's own, so a program that has the source open is
 * seen, and none can open it while it is read.
 */

import { access, constants, copyFile, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { unusableSource } from "../source-failure.js";
import { damageOfLog, damageOfTable } from "./file-check.js";

const tablePattern = /^\d+\.(ldb|sst)$/;
const logPattern = /^\d+\.log$/;
/** LOG is for people to read. */
const neededPattern = /^(CURRENT|MANIFEST-\d+|\d+\.log)$/;

/** @throws CommandFailure where there is no LevelDB database, or its log is damaged */
export async function copyLevelDatabase(source: string, scratch: string): Promise<void> {
  const current = await readFile(join(source, "CURRENT"), "utf8").catch(() => undefined);
  if (current === undefined || !/^MANIFEST-\d+\n$/.test(current)) {
    throw unusableSource(
      `${source} is no LevelDB database: a folder with a file CURRENT that names a manifest`,
    );
  }
  for (const name of await readdir(source)) {
    const from = join(source, name);
    if (tablePattern.test(name) || (name === "LOCK" && (await isWritable(from)))) {
      await linkOrCopy(from, join(scratch, name));
    } else if (neededPattern.test(name)) {
      await copyFile(from, join(scratch, name));
    }
    if (logPattern.test(name)) {
      const damage = await damageOfLog(join(scratch, name));
      if (damage !== undefined) {
        throw unusableSource(`${from} is damaged: ${damage}. Nothing was loaded`);
      }
    }
  }
}

/** Where nobody may write, there is nobody to lock out; and LevelDB opens LOCK for writing. */
function isWritable(file: string): Promise<boolean> {
  return access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Windows gives links to few. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await symlink(from, to);
  } catch {
    await copyFile(from, to);
  }
}

/** @returns the names of the tables whose checksums are wrong, with what is wrong */
export async function damagedTables(source: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(source)) {
    if (tablePattern.test(name)) {
      const damage = await damageOfTable(join(source, name));
      if (damage !== undefined) {
        found.set(name, damage);
      }
    }
  }
  return found;
}

/** What shows that somebody wrote to the source: its files, their sizes and times. LOCK and LOG say nothing. */
export async function fingerprint(source: string): Promise<string> {
  const names = (await readdir(source)).filter((name) => tablePattern.test(name) || neededPattern.test(name));
  const facts = await Promise.all(names.sort().map((name) => stat(join(source, name), { bigint: true })));
  return names.map((name, index) => `${name} ${facts[index]!.size} ${facts[index]!.mtimeNs}`).join("\n");
}
