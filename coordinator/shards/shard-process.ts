/**
 * Shards as child processes: forks them, listens on the private socket, and accepts only connections that know the
 * token of a start. A shard that dies is killed for certain and awaited before its successor may be started.
 */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { FastKVError } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { decodeMessage } from "../../shared/wire/frame.js";
import { FrameAssembler } from "../../shared/wire/frame-assembler.js";
import { type IpcListener, listenIpc } from "../../shared/wire/ipc.js";
import type { Hello } from "../../shared/wire/messages.js";
import type { ShardStart } from "../../shared/wire/shard-start.js";
import { childEnvironment } from "../child-environment.js";
import { checkPrivateFolder } from "../ownership/folder-trust.js";
import { identityOf } from "../ownership/process-identity.js";
import { createRuntimeFolder, type RuntimeFolder, removeRuntimeFolder } from "../ownership/runtime-folder.js";
import { BusyPoll } from "./busy-poll.js";
import { startLoopAwareTimer } from "./loop-aware-timer.js";
import type { ShardLauncher, ShardLink, ShardLinkEvents } from "./shard-link.js";

const tokenBytes = 32;
const startTimeoutMs = 30_000;
/**
 * A terminal sends these signals to the whole process group. They end a process that is not yet far enough in its start
 * to ignore them. If the program itself continues, it needs its shards.
 */
const groupSignals: ReadonlySet<NodeJS.Signals | null> = new Set(["SIGINT", "SIGTERM", "SIGHUP"]);
const mostStarts = 3;
/** A process that has closed its connection is killed if it does not end within this time. */
const exitNewsMs = 200;
/** The first frame of an unknown peer need not be longer than a greeting. */
const maxHelloBytes = 4096;

export interface ShardProgram {
  module: URL;
  execPath: string;
  execArgv: readonly string[];
  /** Whether to poll for answers that are awaited alone. */
  busyPoll: boolean;
}

/** The entry point of a shard process in this package: all its modules in one file (shared/scripts/bundle.js). */
export const defaultShardModule = new URL("../../shard/bundle/main.js", import.meta.url);

/**
 * Most of what a shard allocates and keeps are the keys of its memtable, which a collection of V8's young generation
 * must copy. With this small semi-space that takes at most 10 ms, with the default 35 ms. The program's own flags come
 * later and take precedence.
 */
const shardFlags = ["--max-semi-space-size=4"];

/** A started process that has not identified itself yet. */
interface Waiting {
  readonly shard: ShardProcess;
  onConnected(): void;
}

/** One shard process and its connection. */
class ShardProcess implements ShardLink {
  readonly openToken = randomBytes(tokenBytes).toString("hex");
  readonly shardToken = randomBytes(tokenBytes).toString("hex");
  readonly identity;
  readonly #child: ChildProcess;
  readonly #events: ShardLinkEvents;
  readonly #poll: BusyPoll | undefined;
  readonly #exited: Promise<string>;
  #socket: Socket | undefined;
  #isOver = false;

  constructor(
    program: ShardProgram,
    start: Omit<ShardStart, "shardToken" | "coordinatorToken">,
    events: ShardLinkEvents,
    poll: BusyPoll | undefined,
  ) {
    this.#events = events;
    this.#poll = poll;
    this.#child = fork(program.module, [], {
      execPath: program.execPath,
      execArgv: [...shardFlags, ...program.execArgv],
      env: childEnvironment(),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "json",
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) =>
        resolve(`could not be started: ${error.message} (option execPath: ${program.execPath})`),
      );
      this.#child.once("exit", (code, signal) =>
        resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
      );
    });
    void this.#exited.then((how) => this.#onExit(how));
    const { pid } = this.#child;
    this.identity = pid === undefined ? undefined : identityOf(pid);
    if (pid !== undefined) {
      const message: ShardStart = { ...start, shardToken: this.shardToken, coordinatorToken: this.openToken };
      // A failed send shows as an exit of the process.
      this.#child.send(message, () => undefined);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get exited(): Promise<string> {
    return this.#exited;
  }

  get wasInterrupted(): boolean {
    return groupSignals.has(this.#child.signalCode);
  }

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  get isAwaited(): boolean {
    return !this.#isOver && this.#events.isAwaited();
  }

  receive(frames: Buffer[]): void {
    if (!this.#isOver) {
      this.#poll?.noteReceived();
      this.#events.onFrames(frames);
    }
  }

  send(frame: Buffer, atOnce = false): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) {
      return;
    }
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => {
        socket.uncork();
        this.#poll?.noteSent();
      });
    }
    socket.write(frame);
    if (atOnce) {
      socket.uncork();
    }
  }

  cutOff(reason: string): void {
    this.#socket?.destroy();
    this.#down(reason);
  }

  /** Most often the process has ended; the system reports that a moment later, with the reason. */
  connectionClosed(): void {
    const timer = setTimeout(() => this.#down("closed its connection"), exitNewsMs);
    void this.#exited.then((how) => {
      clearTimeout(timer);
      this.#down(how);
    });
  }

  async kill(): Promise<void> {
    this.#isOver = true;
    // Kills it before closing its connection, which the process would take for the end of the coordinator.
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    this.#socket?.destroy();
    await this.#exited;
  }

  /**
   * What the process sent before it ended may still be in flight, and counts. Before the process has connected,
   * `launch` reports its end.
   */
  #onExit(how: string): void {
    if (this.#socket?.closed) {
      this.#down(how);
    } else {
      this.#socket?.once("close", () => this.#down(how));
    }
  }

  #down(how: string): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#events.onDown(how);
    }
  }
}

interface Connection {
  assembler: FrameAssembler;
  frames: Buffer[];
  shard: ShardProcess | undefined;
}

export class ShardProcessLauncher implements ShardLauncher {
  readonly #fileSystem: FileSystem;
  readonly #program: ShardProgram;
  readonly #runtime: RuntimeFolder;
  readonly #listener: IpcListener;
  readonly #waiting = new Set<Waiting>();
  readonly #connections: Map<Socket, Connection>;
  readonly #shards = new Set<ShardProcess>();
  readonly #poll: BusyPoll | undefined;

  private constructor(
    fileSystem: FileSystem,
    program: ShardProgram,
    runtime: RuntimeFolder,
    listener: IpcListener,
    connections: Map<Socket, Connection>,
  ) {
    this.#poll = program.busyPoll ? new BusyPoll(this.#shards) : undefined;
    this.#fileSystem = fileSystem;
    this.#program = program;
    this.#runtime = runtime;
    this.#listener = listener;
    this.#connections = connections;
  }

  /** Creates the private folder and listens in it. */
  static async start(
    fileSystem: FileSystem,
    program: ShardProgram,
    parentFolder: string | undefined,
  ): Promise<ShardProcessLauncher> {
    const runtime = createRuntimeFolder(fileSystem, parentFolder);
    checkPrivateFolder(runtime.folder);
    const connections = new Map<Socket, Connection>();
    let launcher: ShardProcessLauncher | undefined;
    try {
      const listener = await listenIpc(runtime.socketPath, {
        onConnection: (socket) => launcher?.accept(socket),
        onChunk: (chunk, socket) => launcher?.receive(chunk, socket),
        onDisconnect: (socket) => launcher?.disconnected(socket),
      });
      launcher = new ShardProcessLauncher(fileSystem, program, runtime, listener, connections);
      return launcher;
    } catch (cause) {
      removeRuntimeFolder(fileSystem, runtime.folder);
      throw new FastKVError(
        "FASTKV_IO",
        `Cannot listen on ${runtime.socketPath}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  get runtimeFolder(): string {
    return this.#runtime.folder;
  }

  async launch(shardIndex: number, events: ShardLinkEvents): Promise<ShardLink> {
    for (let starts = 1; ; starts++) {
      const shard = new ShardProcess(
        this.#program,
        { shardIndex, socketPath: this.#runtime.socketPath },
        events,
        this.#poll,
      );
      try {
        await this.#connect(shard, shardIndex);
        return shard;
      } catch (error) {
        await shard.kill();
        if (!shard.wasInterrupted || starts === mostStarts) {
          throw error;
        }
      }
    }
  }

  /** Resolves when the process has identified itself. */
  async #connect(shard: ShardProcess, shardIndex: number): Promise<void> {
    this.#shards.add(shard);
    void shard.exited.then(() => this.#shards.delete(shard));
    let endPatience: () => void = () => undefined;
    const waiting: Waiting = { shard, onConnected: () => undefined };
    try {
      const connected = new Promise<void>((resolve) => {
        waiting.onConnected = resolve;
        this.#waiting.add(waiting);
      });
      const failed = shard.exited.then((how) => {
        throw new FastKVError("FASTKV_SHARD_UNAVAILABLE", `Shard ${shardIndex} ${how} before it was ready`);
      });
      const late = new Promise<never>((_, reject) => {
        const message = `Shard ${shardIndex} did not connect within ${startTimeoutMs} ms`;
        endPatience = startLoopAwareTimer(startTimeoutMs, () =>
          reject(new FastKVError("FASTKV_SHARD_UNAVAILABLE", message)),
        );
      });
      await Promise.race([connected, failed, late]);
    } finally {
      endPatience();
      this.#waiting.delete(waiting);
    }
  }

  async close(): Promise<void> {
    this.#listener.close();
    removeRuntimeFolder(this.#fileSystem, this.#runtime.folder);
  }

  /** Accepts a new connection. At first the peer may only identify itself. */
  accept(socket: Socket): void {
    const frames: Buffer[] = [];
    this.#connections.set(socket, {
      assembler: new FrameAssembler((frame) => frames.push(frame), maxHelloBytes),
      frames,
      shard: undefined,
    });
  }

  receive(chunk: Buffer, socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      return;
    }
    try {
      connection.assembler.push(chunk);
      if (connection.frames.length === 0) {
        return;
      }
      const frames = connection.frames.splice(0);
      if (connection.shard === undefined) {
        this.#greet(frames, connection, socket);
      } else {
        connection.shard.receive(frames);
      }
    } catch (error) {
      socket.destroy();
      connection.shard?.cutOff(`sent what is no frame: ${(error as Error).message}`);
    }
  }

  /**
   * The first frame must come from a shard that was started here and has not connected yet. All other peers are cut
   * off.
   */
  #greet(frames: Buffer[], connection: Connection, socket: Socket): void {
    const { token } = decodeMessage(frames[0]!).meta as Partial<Hello>;
    const waiting = this.#findWaiting(typeof token === "string" ? token : "");
    if (waiting === undefined || frames.length > 1) {
      socket.destroy();
      return;
    }
    this.#waiting.delete(waiting);
    connection.shard = waiting.shard;
    const gathered = connection.frames;
    connection.assembler = new FrameAssembler((frame) => gathered.push(frame));
    waiting.shard.attach(socket);
    waiting.onConnected();
  }

  #findWaiting(token: string): Waiting | undefined {
    const given = Buffer.from(token);
    for (const waiting of this.#waiting) {
      const expected = Buffer.from(waiting.shard.shardToken);
      if (given.length === expected.length && timingSafeEqual(given, expected)) {
        return waiting;
      }
    }
    return undefined;
  }

  disconnected(socket: Socket): void {
    const connection = this.#connections.get(socket);
    this.#connections.delete(socket);
    connection?.shard?.connectionClosed();
  }
}
