/** Runs the command `fastkv` as a real process. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

const packageFile = createRequire(import.meta.url).resolve("fastkv-cli/package.json");

export const cliFolder = dirname(packageFile);
export const cliProgram = join(cliFolder, "bin/run.js");

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  input?: string | Uint8Array;
  cwd?: string;
  env?: Record<string, string>;
}

/** A home of its own, so that neither history nor plugins of the user who runs the tests are touched. */
export function cliEnvironment(home: string, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env = { ...process.env };
  // A person's terminal knows none of these; Node takes a terminal in CI for one without colours.
  for (const name of ["NO_COLOR", "FORCE_COLOR", "DEBUG", "NODE_ENV", "CI"]) {
    delete env[name];
  }
  return {
    ...env,
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_CACHE_HOME: join(home, "cache"),
    ...more,
  };
}

/** A temporary folder with a home in it, gone after the tests. */
export class Workspace {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), "fastkv-cli-")));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const child = spawn(process.execPath, [cliProgram, ...args], {
      cwd: options.cwd ?? this.folder,
      env: cliEnvironment(this.folder, options.env),
      stdio: "pipe",
    });
    // A command that ends before it has read all of its input closes the pipe: no matter.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    return { code, stdout, stderr };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
