/**
 * A real file system in an image file, whose power can be cut: the ioctl that XFS and ext4 have for it (GOINGDOWN)
 * drops all that was not synced and refuses every call from then on. Linux, and root's rights, only.
 */

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

export const fileSystemKinds = ["ext4", "xfs"] as const;
export type FileSystemKind = (typeof fileSystemKinds)[number];

/** This machine cannot do it. */
export class Unsupported extends Error {}

const run = promisify(execFile);
const makers: Record<FileSystemKind, { sizeMiB: number; options: readonly string[] }> = {
  ext4: { sizeMiB: 64, options: ["-q", "-F"] },
  xfs: { sizeMiB: 320, options: ["-q", "-f"] },
};
/** XFS_IOC_GOINGDOWN, which ext4 shares; 2: without writing the journal first. */
const goingDown = { request: 0x8004_587d, flag: 2 };
/** Ways to make that call without a compiler; each gets the path of a file on the disk. */
const cutters: readonly (readonly string[])[] = [
  ["xfs_io", "-x", "-c", "shutdown"],
  [
    "python3",
    "-c",
    `import fcntl, struct, sys; fcntl.ioctl(open(sys.argv[1]), ${goingDown.request}, struct.pack("I", ${goingDown.flag}))`,
  ],
  [
    "perl",
    "-e",
    `open(my $f, "<", $ARGV[0]) or die $!; my $v = pack("I", ${goingDown.flag}); ioctl($f, ${goingDown.request}, $v) or die $!;`,
  ],
];
const mostTries = 1_000;
const retryMs = 25;

export class LoopDisk {
  /** Where it is mounted. */
  readonly mountPoint: string;
  readonly #image: string;
  #isMounted = false;

  private constructor(root: string) {
    this.mountPoint = path.join(root, "mounted");
    this.#image = path.join(root, "image");
  }

  /** Makes and mounts one in the folder. Throws `Unsupported` where the machine forbids it. */
  static async make(root: string, kind: FileSystemKind): Promise<LoopDisk> {
    const disk = new LoopDisk(root);
    const { sizeMiB, options } = makers[kind];
    fs.mkdirSync(disk.mountPoint);
    fs.writeFileSync(disk.#image, "");
    fs.truncateSync(disk.#image, sizeMiB * 1024 * 1024);
    try {
      await run(`mkfs.${kind}`, [...options, disk.#image]);
      await disk.#mount();
    } catch (error) {
      throw new Unsupported(reasonOf(error), { cause: error });
    }
    fs.writeFileSync(disk.#handle, "");
    await run("sync", ["-f", disk.mountPoint]);
    return disk;
  }

  /** The power goes: what was not synced is lost. */
  async cutPower(): Promise<void> {
    const failures: string[] = [];
    for (const [program, ...given] of cutters) {
      try {
        await run(program!, [...given, this.#handle]);
        return;
      } catch (error) {
        failures.push(`${program}: ${reasonOf(error)}`);
      }
    }
    throw new Unsupported(`No way to cut the power: ${failures.join("; ")}`);
  }

  /** The power is back; nobody may have a file open on the disk for long. */
  async restore(): Promise<void> {
    await this.#unmount();
    await this.#mount();
  }

  /** Safe to call in any state. */
  async remove(): Promise<void> {
    if (this.#isMounted) {
      await this.#unmount().catch(() => run("umount", ["-l", this.mountPoint]));
    }
    fs.rmSync(this.#image, { force: true });
  }

  get #handle(): string {
    return path.join(this.mountPoint, "handle");
  }

  async #mount(): Promise<void> {
    await run("mount", ["-o", "loop", this.#image, this.mountPoint]);
    this.#isMounted = true;
  }

  /**
   * Processes that were just killed may hold files for a moment, and another mount namespace that was made meanwhile
   * has the disk too: mounted again before it is gone there, it would be the dead one.
   */
  async #unmount(): Promise<void> {
    await this.#until(() => run("umount", [this.mountPoint]));
    this.#isMounted = false;
    await this.#until(async () => {
      const { stdout } = await run("losetup", ["-j", this.#image]);
      if (stdout !== "") {
        throw new Error(`The disk is still in use: ${stdout.trim()}`);
      }
    });
  }

  async #until(attempt: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (tries === mostTries) {
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr === undefined || stderr === "" ? message : stderr).trim().split("\n")[0]!;
}
