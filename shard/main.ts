/**
 * The entry point of a shard process. The coordinator forks it and sends, over the private fork channel, the path of
 * its socket and the two tokens of this start. Everything else goes over the socket.
 *
 * A terminal's Ctrl-C reaches the whole process group, so the shard ignores signals that ask it to end. It leaves when
 * it is told to, or when the coordinator is gone; then it has written everything that it took.
 */

import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FastKVError, toErrorReport } from "../shared/errors.js";
import { NodeFileSystem } from "../shared/storage/node-file-system.js";
import { decodeMessage, encodeMessage, frameType } from "../shared/wire/frame.js";
import { FrameAssembler } from "../shared/wire/frame-assembler.js";
import { connectIpc } from "../shared/wire/ipc.js";
import type { Hello, OpenRequest } from "../shared/wire/messages.js";
import { isShardStart, type ShardStart } from "../shared/wire/shard-start.js";
import { WorkerJobRunner } from "./engine/jobs/worker-job-runner.js";
import { LoopDelay } from "./loop-delay.js";
import { ShardServer } from "./shard-server.js";

/** The exit codes of a shard process. */
const exitCode = { left: 0, failed: 70, refused: 77 } as const;
const parentCheckMs = 1000;
const lastWordsMs = 200;
/** Answers of this length are sent without waiting for the rest of the chunk's answers. */
const sendBytes = 32 * 1024;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => undefined);
}

process.once("message", (start: unknown) => {
  if (isShardStart(start)) {
    new ShardProcess(start).run();
  } else {
    process.exit(exitCode.refused);
  }
});

// Without a parent's channel there is nothing to do.
if (process.send === undefined) {
  process.stderr.write("A FastKV shard is started by the coordinator, not by hand.\n");
  process.exit(exitCode.refused);
}

class ShardProcess {
  readonly #start: ShardStart;
  #socket: Socket | undefined;
  readonly #fileSystem = new NodeFileSystem();
  #jobs: WorkerJobRunner | undefined;
  readonly #loopDelay = new LoopDelay(() => this.#jobs?.isBusy === true);
  readonly #server: ShardServer;
  readonly #parent = process.ppid;
  /** Bytes that wait for the system call. */
  #gatheredBytes = 0;
  #isTrusted = false;
  #isLeaving = false;

  constructor(start: ShardStart) {
    this.#start = start;
    this.#server = new ShardServer({
      fileSystem: this.#fileSystem,
      makeJobRunner: (settings) => {
        this.#jobs = new WorkerJobRunner(settings.compactionParallelism);
        return this.#jobs;
      },
      send: (frame, onSent) => this.#send(frame, onSent),
      setTimer: (call, delayMs) => {
        const timer = setTimeout(call, delayMs);
        return () => clearTimeout(timer);
      },
      monotonicMs: () => performance.now(),
      loopDelay: () => this.#loopDelay.percentiles(),
      onFatal: () => this.#end(exitCode.failed),
      onClosed: () => this.#end(exitCode.left),
    });
  }

  run(): void {
    process.on("disconnect", () => this.#leave());
    process.on("uncaughtException", (error) => this.#fail(error));
    process.on("unhandledRejection", (error) => this.#fail(error));
    setInterval(() => {
      if (process.ppid !== this.#parent) {
        this.#leave();
      }
    }, parentCheckMs).unref();
    this.#socket = connectIpc(this.#start.socketPath, {
      onConnect: () => this.#greet(),
      onChunk: (chunk) => this.#receive(chunk),
      onClose: () => this.#leave(),
    });
  }

  #send(frame: Buffer, onSent?: () => void): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) {
      return;
    }
    socket.write(frame, onSent);
    this.#gatheredBytes += frame.length;
    if (this.#gatheredBytes >= sendBytes && socket.writableCorked > 0) {
      this.#gatheredBytes = 0;
      socket.uncork();
      socket.cork();
    }
  }

  #greet(): void {
    const { shardToken, shardIndex } = this.#start;
    const hello: Hello = { token: shardToken, shardIndex, pid: process.pid };
    this.#send(encodeMessage(frameType.request, 0, hello));
  }

  #frames: Buffer[] = [];
  readonly #assembler = new FrameAssembler((frame) => this.#frames.push(frame));

  #receive(chunk: Buffer): void {
    this.#loopDelay.noteWork();
    // The answers to one chunk leave with one system call, except long ones: the coordinator can already read those.
    this.#gatheredBytes = 0;
    this.#socket?.cork();
    try {
      this.#assembler.push(chunk);
      const frames = this.#frames;
      this.#frames = [];
      if (!this.#isTrusted) {
        this.#checkCoordinator(frames[0]);
      }
      this.#server.receive(frames);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#socket?.uncork();
    }
  }

  /** The first frame must prove that it comes from the coordinator that started this process. */
  #checkCoordinator(frame: Buffer | undefined): void {
    if (frame === undefined) {
      return;
    }
    const { token } = decodeMessage(frame).meta as Partial<OpenRequest>;
    const expected = Buffer.from(this.#start.coordinatorToken);
    const given = Buffer.from(typeof token === "string" ? token : "");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new FastKVError("FASTKV_INTERNAL", "The socket does not belong to the coordinator of this shard");
    }
    this.#isTrusted = true;
  }

  #fail(error: unknown): void {
    this.#send(encodeMessage(frameType.event, 0, { type: "fatal", ...toErrorReport(error) }));
    this.#end(exitCode.failed);
  }

  /** The coordinator is gone, or the connection to it is closed. */
  #leave(): void {
    if (this.#isLeaving) {
      return;
    }
    this.#isLeaving = true;
    void this.#server
      .leave()
      .catch(() => undefined)
      .then(() => this.#coordinatorIsGone())
      .then((isGone) => {
        if (isGone) {
          this.#removeSocket();
        }
        process.exit(exitCode.left);
      });
  }

  /** A coordinator that lives and has only closed this connection needs its socket for the next shard. */
  async #coordinatorIsGone(): Promise<boolean> {
    if (process.connected && process.ppid === this.#parent) {
      await Promise.race([once(process, "disconnect"), pause(lastWordsMs)]);
    }
    return !process.connected || process.ppid !== this.#parent;
  }

  /** A coordinator that was killed leaves its socket behind; the last shard to leave removes it. */
  #removeSocket(): void {
    try {
      this.#fileSystem.remove(this.#start.socketPath);
      this.#fileSystem.removeFolder(dirname(this.#start.socketPath));
    } catch {
      // Another shard was faster, or the folder is in use again: the next opener cleans up.
    }
  }

  /** Ends the process when everything that was sent has left it, but not later than `lastWordsMs`. */
  #end(code: number): void {
    if (this.#isLeaving) {
      return;
    }
    this.#isLeaving = true;
    const exit = (): void => process.exit(code);
    setTimeout(exit, lastWordsMs);
    if (this.#socket === undefined || this.#socket.destroyed) {
      exit();
    } else {
      this.#socket.end(exit);
    }
  }
}
