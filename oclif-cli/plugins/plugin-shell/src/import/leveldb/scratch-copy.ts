/**
 * LevelDB cannot open a database without writing to its folder: it creates a new log and manifest, and merges tables.
 * So it gets a folder of ours with links to the tables, which it never changes, and copies of everything else. The
 * source's LOCK is linked too, so LevelDB takes the source's own lock: a program that has the source open is noticed,
 * and none can open it while it is read.
 */

import { access, constants, copyFile, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { unusableSource } from "../source-failure.js";
import { readLogFile } from "./log-file.js";
import { type LiveFiles, liveFiles } from "./manifest.js";
import { damageOfTable } from "./table-check.js";

const tablePattern = /^(\d+)\.(ldb|sst)$/;
const logPattern = /^(\d+)\.log$/;

/** Shows whether somebody wrote to the source: its files, their sizes and times. */
export type Fingerprint = string;

/**
 * Makes the copy and checks everything that is in use.
 *
 * @throws CommandFailure if there is no LevelDB database, or it is damaged
 */
export async function copyLevelDatabase(source: string, scratch: string): Promise<Fingerprint> {
  const before = await fingerprint(source);
  const current = await readFile(join(source, "CURRENT"), "utf8").catch(() => "");
  const manifest = /^(MANIFEST-\d+)\n$/.exec(current)?.[1];
  if (manifest === undefined) {
    throw unusableSource(
      `${source} is no LevelDB database: a folder with a file CURRENT that names a manifest`,
    );
  }
  await copyFile(join(source, "CURRENT"), join(scratch, "CURRENT"));
  await copyFile(join(source, manifest), join(scratch, manifest)).catch(() => {
    throw damaged(join(source, manifest), "it is missing");
  });
  const live = await readManifest(join(source, manifest));
  const names = await readdir(source);
  for (const table of live.tables) {
    const name = names.find((candidate) => Number(tablePattern.exec(candidate)?.[1]) === table);
    const damage = name === undefined ? "it is missing" : await damageOfTable(join(source, name));
    if (name === undefined || damage !== undefined) {
      throw damaged(join(source, name ?? `${String(table).padStart(6, "0")}.ldb`), damage!);
    }
    await linkOrCopy(join(source, name), join(scratch, name));
  }
  for (const name of names) {
    const log = logPattern.exec(name);
    if (log !== null && Number(log[1]) >= live.logNumber) {
      const { damage } = await readLogFile(join(source, name));
      if (damage !== undefined) {
        throw damaged(join(source, name), damage);
      }
      await copyFile(join(source, name), join(scratch, name));
    }
  }
  if (await isWritable(join(source, "LOCK"))) {
    await linkOrCopy(join(source, "LOCK"), join(scratch, "LOCK"));
  }
  return before;
}

async function readManifest(path: string): Promise<LiveFiles> {
  const { records, damage } = await readLogFile(path);
  const live = liveFiles(records);
  if (damage !== undefined || live === undefined) {
    throw damaged(path, damage ?? "it has records of an unknown kind");
  }
  return live;
}

function damaged(path: string, what: string): Error {
  return unusableSource(`${path} is damaged: ${what}. Nothing was loaded`);
}

/** Nobody has to be locked out of a folder that nobody can write to; and LevelDB opens LOCK for writing. */
function isWritable(file: string): Promise<boolean> {
  return access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Windows allows only few users to create links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await symlink(from, to);
  } catch {
    await copyFile(from, to);
  }
}

/** LOCK, and LOG (a text for people), do not matter. */
export async function fingerprint(source: string): Promise<Fingerprint> {
  const all = await readdir(source).catch(() => []);
  const names = all.filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/.test(name)).sort();
  const facts = await Promise.all(names.map((name) => stat(join(source, name), { bigint: true })));
  return names.map((name, index) => `${name} ${facts[index]!.size} ${facts[index]!.mtimeNs}`).join("\n");
}
