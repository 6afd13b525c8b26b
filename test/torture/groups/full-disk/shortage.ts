/** The ways in which a disk has no room, each for real; all of it lives in the mount namespace of one program. */

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Random } from "../../../support/random.js";

export const shortageNames = ["bytes", "inodes", "file size", "failing sync"] as const;
export type ShortageName = (typeof shortageNames)[number];

export interface Shortage {
  /** Where the database is to be. */
  readonly folder: string;
  /** From now on there is no room, or little. `pids` are the processes that have the database open. */
  begin(pids: readonly number[]): void;
  /** There is room again. */
  end(pids: readonly number[]): void;
  /** Gives all that was written to the disk, and reads it from there; the database is closed. */
  remount(): void;
}

function run(command: string, ...parameters: string[]): void {
  execFileSync(command, parameters, { stdio: ["ignore", "ignore", "pipe"], timeout: 20_000 });
}

const kib = 1024;

function mountTmpfs(folder: string, options: string): void {
  fs.mkdirSync(folder, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", `mode=0700,${options}`, "tmpfs", folder);
}

/** Fills a file system up to its last byte, but for `leftBytes`. */
function fill(ballast: string, leftBytes: number): void {
  const descriptor = fs.openSync(ballast, "w");
  const block = Buffer.alloc(4 * kib);
  try {
    for (;;) {
      fs.writeSync(descriptor, block);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") {
      throw error;
    }
    fs.ftruncateSync(descriptor, Math.max(0, fs.fstatSync(descriptor).size - leftBytes));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** A tmpfs that a ballast file fills. */
function ofBytes(root: string, random: Random): Shortage {
  const disk = path.join(root, "disk");
  mountTmpfs(disk, "size=4m");
  const ballast = path.join(disk, "ballast");
  return {
    folder: path.join(disk, "db"),
    begin: () => fill(ballast, random.pick([0, 0, 8, 40, 150]) * kib),
    end: () => fs.rmSync(ballast),
    remount: () => undefined,
  };
}

/** A tmpfs on which no file can be made. */
function ofInodes(root: string, random: Random): Shortage {
  const disk = path.join(root, "disk");
  mountTmpfs(disk, "size=64m,nr_inodes=200");
  const ballast = path.join(disk, "ballast");
  fs.mkdirSync(ballast);
  return {
    folder: path.join(disk, "db"),
    begin: () => {
      let made = 0;
      try {
        for (; ; made++) {
          fs.writeFileSync(path.join(ballast, String(made)), "");
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") {
          throw error;
        }
      }
      const left = random.int(4);
      for (let at = 0; at < left; at++) {
        fs.rmSync(path.join(ballast, String(made - 1 - at)));
      }
    },
    end: () => fs.rmSync(ballast, { recursive: true }),
    remount: () => undefined,
  };
}

/** No file may grow beyond a limit. */
function ofFileSize(root: string, random: Random): Shortage {
  const limit = (pids: readonly number[], value: string): void => {
    for (const pid of pids) {
      run("prlimit", "--pid", String(pid), `--fsize=${value}:unlimited`);
    }
  };
  return {
    folder: path.join(root, "db"),
    begin: (pids) => limit(pids, String(random.between(1, 48) * kib)),
    end: (pids) => limit(pids, "unlimited"),
    remount: () => undefined,
  };
}

/**
 * An ext4 file system in an image that lies on a full disk: writes are taken, the sync fails, and the next sync of the same
 * file succeeds although nothing was written. Only the blocks of free space are missing in the image: the file system's
 * own structures have theirs, or it would give itself up.
 */
function ofSyncs(root: string): Shortage {
  const below = path.join(root, "below");
  const disk = path.join(root, "disk");
  mountTmpfs(below, "size=64m");
  const image = path.join(below, "image");
  const ballast = path.join(below, "ballast");
  fs.writeFileSync(image, "");
  fs.truncateSync(image, 48 * kib * kib);
  run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", image);
  // What is written has its blocks, be it all zeros.
  fs.writeFileSync(image, fs.readFileSync(image));
  fs.mkdirSync(disk);
  // Else ext4 writes first and says afterwards that blocks are written: where another file's write fails just then, that was
  // seen to be lost after a sync that had succeeded.
  const mount = (): void => run("mount", "-o", "loop,dioread_lock", image, disk);
  mount();
  run("fstrim", disk);
  fs.chmodSync(disk, 0o700);
  return {
    folder: path.join(disk, "db"),
    begin: () => {
      run("fstrim", disk);
      fill(ballast, 0);
    },
    end: () => fs.rmSync(ballast),
    remount: () => {
      run("umount", disk);
      mount();
    },
  };
}

export function makeShortage(name: ShortageName, root: string, random: Random): Shortage {
  switch (name) {
    case "bytes":
      return ofBytes(root, random);
    case "inodes":
      return ofInodes(root, random);
    case "file size":
      return ofFileSize(root, random);
    case "failing sync":
      return ofSyncs(root);
  }
}
