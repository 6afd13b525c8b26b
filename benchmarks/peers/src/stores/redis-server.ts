import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

/** The system's redis-server, with its data in a folder, reached through a Unix socket. */
export class RedisServer {
  readonly socketPath: string;
  readonly #process: ChildProcess;
  readonly #socketFolder: string;
  readonly #kill = (): void => {
    this.#process.kill("SIGKILL");
  };

  private constructor(folder: string, fsync: "always" | "everysec") {
    mkdirSync(folder, { recursive: true });
    // The path of a socket must be short.
    this.#socketFolder = mkdtempSync(path.join(tmpdir(), "redis-"));
    this.socketPath = path.join(this.#socketFolder, "socket");
    const settings = ["--port", "0", "--unixsocket", this.socketPath, "--dir", folder, "--save", ""];
    this.#process = spawn("redis-server", [...settings, "--appendonly", "yes", "--appendfsync", fsync], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.once("exit", this.#kill);
  }

  /** @returns the version line, or undefined if there is no server. */
  static version(): string | undefined {
    const { status, stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
    return status === 0 ? stdout.trim() : undefined;
  }

  static async start(folder: string, fsync: "always" | "everysec"): Promise<RedisServer> {
    const server = new RedisServer(folder, fsync);
    const log: string[] = [];
    for await (const line of createInterface({ input: server.#process.stdout! })) {
      log.push(line);
      if (line.includes("eady to accept connections")) {
        server.#process.stdout!.resume();
        return server;
      }
    }
    throw new Error(`redis-server did not start:\n${log.slice(-5).join("\n")}`);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** On SIGTERM the server writes the remaining data and exits. */
  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await ended;
    process.removeListener("exit", this.#kill);
    rmSync(this.#socketFolder, { recursive: true, force: true });
  }
}
