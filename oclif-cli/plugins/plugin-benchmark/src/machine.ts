/** Facts about the machine, without which results mean little. */

import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  system: string;
  node: string;
  fastkv: string;
  freeDiskBytes: number;
}

export async function describeMachine(folder: string): Promise<Machine> {
  const cpus = os.cpus();
  const disk = await statfs(folder);
  return {
    cpu: cpus[0]?.model.trim() || "unknown",
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    fastkv: libraryVersion(),
    freeDiskBytes: disk.bavail * disk.bsize,
  };
}

function libraryVersion(): string {
  const path = createRequire(import.meta.url).resolve("fastkv/package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
