/** Takes the figures of this process and, through `probe.ts`, of the shards that it has started. */

import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { childCount, collectGarbage, ownFigures, type ProcessFigures } from "./figures.js";

interface Probe {
  readonly socket: net.Socket;
  readonly lines: Interface;
}

export class Meter {
  readonly #server: net.Server;
  readonly #probes = new Set<Probe>();
  readonly #socketPath: string;
  readonly #runtimeFolder: string;

  private constructor(server: net.Server, socketPath: string, runtimeFolder: string) {
    this.#server = server;
    this.#socketPath = socketPath;
    this.#runtimeFolder = runtimeFolder;
    server.on("connection", (socket) => {
      const probe = { socket, lines: createInterface({ input: socket }) };
      this.#probes.add(probe);
      // A shard that ends does so without a greeting.
      socket.on("error", () => undefined);
      socket.on("close", () => this.#probes.delete(probe));
    });
  }

  /** `runtimeFolder`: where the folders of the sockets of databases are made. */
  static async start(root: string, runtimeFolder: string): Promise<Meter> {
    const server = net.createServer();
    const socketPath = path.join(root, "meter");
    server.listen(socketPath);
    await once(server, "listening");
    return new Meter(server, socketPath, runtimeFolder);
  }

  /** Node's options of shards that are to be measured. */
  get shardArguments(): string[] {
    const probe = new URL("./probe.js", import.meta.url);
    probe.search = encodeURIComponent(this.#socketPath);
    return ["--expose-gc", "--import", probe.href];
  }

  /** This process last, for the answers of the shards are garbage here. */
  async figures(): Promise<Record<string, number>> {
    const figures: Record<string, number> = {};
    const answers = [...this.#probes].map(({ socket, lines }) => {
      const answer = once(lines, "line") as Promise<[string]>;
      socket.write("?");
      return answer;
    });
    for (const [line] of await Promise.all(answers)) {
      add(figures, "shards", JSON.parse(line) as ProcessFigures);
    }
    await collectGarbage();
    add(figures, "coordinator", ownFigures());
    figures["child processes"] = childCount();
    figures["socket folders"] = fs.readdirSync(this.#runtimeFolder).length;
    figures["signal listeners"] = process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
    return figures;
  }

  close(): void {
    for (const { socket } of this.#probes) {
      socket.destroy();
    }
    this.#server.close();
  }
}

function add(figures: Record<string, number>, whose: string, own: ProcessFigures): void {
  for (const [name, figure] of Object.entries(own)) {
    const full = `${whose}: ${name}`;
    figures[full] = (figures[full] ?? 0) + figure;
  }
}
