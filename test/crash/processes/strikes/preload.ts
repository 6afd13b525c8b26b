/**
 * Loaded with `--import` into the program, its shards and their worker threads, in front of FastKV: it watches the
 * calls of `node:fs`, and kills processes, for real, at the call that the test's strike names. FastKV itself knows
 * nothing of it.
 */

import childProcess, { type ChildProcess } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import threads, { type WorkerOptions } from "node:worker_threads";
import type { Job } from "../../../../shard/engine/jobs/job.js";
import type { JobPurpose } from "../../../support/in-process-launcher.js";
import type { DiskCall } from "../../../support/simulated-file-system.js";
import { stepOf } from "../../simulated/steps.js";
import { isRecord, manifestHasCommit, recordedBatches, walHasCommit } from "./contents.js";
import { Parts } from "./parts.js";
import type { Step } from "./strike.js";
import { Striker } from "./striker.js";

type Done = (error: Error | null, result?: number) => void;

const striker = new Striker();
const parts = new Parts(striker);
const purposes: readonly JobPurpose[] = ["flush", "compaction", "bulk load"];
const purposeOfWorker = threads.workerData as Int32Array;
const paths = new Map<number, string>();
const { closeSync, fdatasync, fdatasyncSync, fsync, fsyncSync, linkSync, openSync } = fs;
const { renameSync, rm, rmSync, write, writeSync } = fs;

function stepOfCall(call: DiskCall): Step | undefined {
  const job = threads.isMainThread ? undefined : purposes[Atomics.load(purposeOfWorker, 0)];
  const step = stepOf(call, job);
  return step !== "identity file" || path.basename(call.path).startsWith("FASTKV") ? step : undefined;
}

function stepOfWrite(descriptor: number, bytes: Buffer): Step | undefined {
  const step = stepOfCall({ operation: "write", path: paths.get(descriptor) ?? "" });
  if (step === "WAL write") {
    return !isRecord(bytes) ? "WAL create" : walHasCommit(bytes) ? "bulk commit: WAL write" : step;
  }
  if (step === "manifest write") {
    return !isRecord(bytes)
      ? "manifest create"
      : manifestHasCommit(bytes)
        ? "bulk commit: manifest write"
        : step;
  }
  if (step === "batch log write") {
    return !isRecord(bytes)
      ? "batch log create"
      : recordedBatches(bytes).some((batch) => batch.isCommit)
        ? "bulk commit: batch log write"
        : step;
  }
  return step;
}

function stepOfSync(descriptor: number, operation: "sync" | "syncFolder"): Step | undefined {
  return stepOfCall({ operation, path: paths.get(descriptor) ?? "" });
}

function asBuffer(data: Uint8Array, offset: number, length: number): Buffer {
  return Buffer.from(data.buffer, data.byteOffset + offset, length);
}

const watched = {
  openSync(file: string, flags: number, mode?: number): number {
    const isNew = typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0;
    const step = isNew ? stepOfCall({ operation: "create", path: file }) : undefined;
    const descriptor = striker.around(step, () => openSync(file, flags, mode));
    paths.set(descriptor, file);
    return descriptor;
  },
  closeSync(descriptor: number): void {
    paths.delete(descriptor);
    closeSync(descriptor);
  },
  writeSync(
    descriptor: number,
    data: Uint8Array | string,
    offset: number,
    length: number,
    position: number,
  ): number {
    if (typeof data === "string") {
      return writeSync(descriptor, data, offset, length as unknown as BufferEncoding);
    }
    const bytes = asBuffer(data, offset, length);
    const call = (): number => writeSync(descriptor, bytes, 0, length, position);
    const inPart = (): void => void writeSync(descriptor, bytes, 0, length >> 1, position);
    const shard = /shard-(\d+)[\\/]\d+\.wal$/.exec(paths.get(descriptor) ?? "")?.[1];
    const whole = shard === undefined ? call : () => parts.write(Number(shard), bytes, call, inPart);
    return striker.around(stepOfWrite(descriptor, bytes), whole, inPart);
  },
  write(
    descriptor: number,
    data: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: Done,
  ): void {
    const bytes = asBuffer(data, offset, length);
    const inPart = (): void => void writeSync(descriptor, bytes, 0, length >> 1, position);
    const isLog = path.basename(paths.get(descriptor) ?? "").startsWith("batch-log-");
    const call = (after: Done): void => {
      const start = (): void => write(descriptor, bytes, 0, length, position, after);
      if (isLog) {
        parts.writeLog(bytes, start, inPart);
      } else {
        start();
      }
    };
    striker.aroundAsync(stepOfWrite(descriptor, bytes), call, done, inPart);
  },
  fdatasyncSync(descriptor: number): void {
    striker.around(stepOfSync(descriptor, "sync"), () => fdatasyncSync(descriptor));
  },
  fdatasync(descriptor: number, done: Done): void {
    striker.aroundAsync(stepOfSync(descriptor, "sync"), (after) => fdatasync(descriptor, after), done);
  },
  fsyncSync(descriptor: number): void {
    striker.around(stepOfSync(descriptor, "syncFolder"), () => fsyncSync(descriptor));
  },
  fsync(descriptor: number, done: Done): void {
    striker.aroundAsync(stepOfSync(descriptor, "syncFolder"), (after) => fsync(descriptor, after), done);
  },
  renameSync(from: string, to: string): void {
    striker.around(stepOfCall({ operation: "rename", path: to, from }), () => renameSync(from, to));
  },
  linkSync(from: string, to: string): void {
    striker.around(stepOfCall({ operation: "link", path: to, from }), () => linkSync(from, to));
  },
  rm(file: string, options: { force: boolean }, done: Done): void {
    const step = fs.existsSync(file) ? stepOfCall({ operation: "remove", path: file }) : undefined;
    striker.aroundAsync(step, (after) => rm(file, options, after), done);
  },
  rmSync(file: string, options: { force: boolean }): void {
    const step = fs.existsSync(file) ? stepOfCall({ operation: "remove", path: file }) : undefined;
    striker.around(step, () => rmSync(file, options));
  },
};

/** Workers are started without the flags of their process: this one is for them all the same. */
class WatchedWorker extends threads.Worker {
  readonly #purpose: Int32Array;

  constructor(url: string | URL, options?: WorkerOptions) {
    const purpose = new Int32Array(new SharedArrayBuffer(4));
    super(url, { ...options, execArgv: ["--import", import.meta.url], workerData: purpose });
    this.#purpose = purpose;
  }

  override postMessage(job: Job): void {
    const ofTree: JobPurpose = job.kind === "flush" ? "flush" : "compaction";
    const purpose = job.output.zeroSequence ? "bulk load" : ofTree;
    Atomics.store(this.#purpose, 0, purposes.indexOf(purpose));
    super.postMessage(job);
  }
}

const { fork } = childProcess;

Object.assign(fs, watched);
Object.assign(threads, { Worker: WatchedWorker });
Object.assign(childProcess, {
  fork(...given: Parameters<typeof fork>): ChildProcess {
    const child = fork(...given);
    if (child.pid !== undefined) {
      striker.shardPids.push(child.pid);
    }
    return child;
  },
});
syncBuiltinESMExports();
