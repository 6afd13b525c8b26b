/** A coordinator of ours, for one real shard process: it does the handshake, opens a folder, and says what it is told to. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { OperationSection, operationKind } from "../../../../shared/format/operations.js";
import {
  decodeMessage,
  encodeMessage,
  frameType,
  frameTypeOf,
  operationsHeaderBytes,
  writeOperationsHeader,
} from "../../../../shared/wire/frame.js";
import { FrameAssembler } from "../../../../shared/wire/frame-assembler.js";
import type { OpenRequest } from "../../../../shared/wire/messages.js";

const token = "5".repeat(64);

export class FakeCoordinator {
  mostRssBytes = 0;
  lastFrame: Buffer = Buffer.alloc(0);
  hasEnded = false;
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #server: net.Server;
  readonly #runtimeFolder: string;
  #socket: net.Socket | undefined;
  readonly #assembler = new FrameAssembler((frame) => this.#onFrame(frame));
  #heard: (frame: Buffer) => void = () => undefined;
  readonly #greeted: Promise<void>;

  private constructor(module: URL, runtimeFolder: string, server: net.Server) {
    this.#runtimeFolder = runtimeFolder;
    this.#server = server;
    this.#greeted = new Promise((resolve) => {
      this.#heard = () => resolve();
      server.on("connection", (socket) => {
        this.#socket = socket;
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => this.#assembler.push(chunk));
      });
    });
    this.#child = fork(module, [], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#exited = once(this.#child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    void this.#exited.then(() => {
      this.hasEnded = true;
    });
    const socketPath = path.join(runtimeFolder, "s");
    this.#child.send(
      { shardIndex: 0, socketPath, shardToken: token, coordinatorToken: token },
      () => undefined,
    );
  }

  /** A shard that has opened `folder`; it is the only shard of its database. Throws where it does not open. */
  static async start(folder: string, storeUrl: string): Promise<FakeCoordinator> {
    const runtimeFolder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "fastkv-"));
    const server = net.createServer();
    server.listen(path.join(runtimeFolder, "s"));
    await once(server, "listening");
    const fake = new FakeCoordinator(new URL("../shard/bundle/main.js", storeUrl), runtimeFolder, server);
    await fake.#greeted;
    const isNew = !fs.existsSync(path.join(folder, "CURRENT"));
    const reply = decodeMessage(await fake.#ask(openRequest(folder, isNew)));
    if (reply.type !== frameType.reply) {
      throw new Error(`A shard does not open its files any more: ${JSON.stringify(reply.meta)}`);
    }
    fake.send(encodeMessage(frameType.request, 0, { type: "resume", holds: [], committedLoads: [] }));
    return fake;
  }

  send(frame: Buffer): void {
    this.lastFrame = frame;
    if (this.#socket?.writable === true) {
      this.#socket.write(frame);
    }
  }

  put(sequence: number, key: string, value: string): void {
    const section = new OperationSection(64);
    const [keyBytes, valueBytes] = [Buffer.from(key), Buffer.from(JSON.stringify(value))];
    section.append(
      { kind: operationKind.put, tag: 1, expiresAt: 0, logged: false, key: keyBytes, value: valueBytes },
      0,
    );
    const frame = Buffer.alloc(operationsHeaderBytes + section.length);
    writeOperationsHeader(frame, {
      flags: 1,
      timeMs: 1_700_000_000_000,
      firstSequence: sequence,
      lastSequence: sequence,
      logSyncedSequence: 0,
      confirmedSequence: 0,
      writeBytes: section.length,
      readBytes: 0,
    });
    section.bytes().copy(frame, operationsHeaderBytes);
    this.send(frame);
  }

  /** Lets what was sent arrive. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#noteMemory();
  }

  /** The coordinator is gone: the shard leaves by itself. Throws where it does not, or where a signal ended it. */
  async end(patienceMs: number): Promise<void> {
    this.#noteMemory();
    this.#socket?.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("A shard does not leave: it hangs")), patienceMs);
    });
    try {
      const [, signal] = await Promise.race([this.#exited, late]);
      if (signal !== null) {
        throw new Error(`A shard was ended by ${signal}`);
      }
    } finally {
      clearTimeout(timer);
      this.#child.kill("SIGKILL");
      this.#server.close();
      fs.rmSync(this.#runtimeFolder, { recursive: true, force: true });
    }
  }

  /** The answer to a request with an id, whatever comes in between. */
  #ask(frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#heard = (answer) => {
        const type = frameTypeOf(answer);
        if (type === frameType.reply || type === frameType.failure) {
          resolve(answer);
        }
      };
      void this.#exited.then(([code]) => reject(new Error(`A shard left with code ${code} while it opened`)));
      this.send(frame);
    });
  }

  #onFrame(frame: Buffer): void {
    this.#heard(Buffer.from(frame));
  }

  #noteMemory(): void {
    try {
      const status = fs.readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
      this.mostRssBytes = Math.max(this.mostRssBytes, peak);
    } catch {
      // It has ended, or this system has no such file.
    }
  }
}

function openRequest(folder: string, create: boolean): Buffer {
  const request: OpenRequest = {
    type: "open",
    token,
    folder,
    databaseId: Buffer.alloc(16, 7),
    shardIndex: 0,
    epoch: 1,
    create,
    logCutSequence: 0,
    loggedSequences: [],
    logSyncedSequence: 0,
    settings: {
      maxMemtableBytes: 1024 * 1024,
      compression: "none",
      blockBytes: 4096,
      bloomBitsPerKey: 10,
      cacheBytes: 1024 * 1024,
      compactionParallelism: 1,
      maxOpenTables: 64,
      syncIntervalMs: 10,
      targetTableBytes: 1024 * 1024,
      levelOneTargetBytes: 1024 * 1024,
      levelZeroCompactionTrigger: 4,
      levelZeroSlowdownTrigger: 12,
      levelZeroStopTrigger: 24,
    },
  };
  return encodeMessage(frameType.request, 1, request);
}
