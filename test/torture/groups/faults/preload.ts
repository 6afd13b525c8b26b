/**
 * Loaded with `--import` into a program or a shard and its worker threads, in front of FastKV: makes calls of `node:fs` on
 * files of one folder come up short, fail or kill the process, where strace cannot (it has no short counts that are
 * true) or is missing.
 */

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { constants } from "node:os";
import threads, { type WorkerOptions } from "node:worker_threads";
import { Random } from "../../../support/random.js";

export interface FileFault {
  folder: string;
  /** Names the file that is made when the fault has struck. */
  note: string;
  seed: number;
  /** "short": every read or write takes a part only; else an errno at the n-th call, or "death". */
  fault: string;
  call: "read" | "write" | "sync" | "rename" | "remove" | "truncate" | "open" | "link";
  nth: number;
}

export const fileFaultVariable = "FASTKV_TEST_FILE_FAULT";

type Done = (error: Error | null, count?: number) => void;

function watch(order: FileFault): void {
  const { folder, call: faultyCall, fault, nth } = order;
  const random = new Random(order.seed);
  const paths = new Map<number, string>();
  const original = { ...fs };
  let calls = 0;

  const isOurs = (file: unknown): boolean => typeof file === "string" && file.startsWith(folder);
  const note = (): void => original.writeFileSync(order.note, "");

  /** The error that a call is to fail with, where it is its turn. */
  const errorOf = (call: FileFault["call"], file: unknown): Error | undefined => {
    if (call !== faultyCall || fault === "short" || !isOurs(file) || ++calls !== nth) {
      return undefined;
    }
    note();
    if (fault === "death") {
      process.kill(process.pid, "SIGKILL");
    }
    const errno = constants.errno[fault as keyof typeof constants.errno];
    return Object.assign(new Error(`${fault}: injected, ${call}`), { code: fault, errno: -errno });
  };
  const check = (call: FileFault["call"], file: unknown): void => {
    const error = errorOf(call, file);
    if (error !== undefined) {
      throw error;
    }
  };
  /** How much of `length` bytes a call takes: at least one. */
  const part = (call: FileFault["call"], descriptor: number, length: number): number => {
    if (call !== faultyCall || fault !== "short" || length < 2 || !isOurs(paths.get(descriptor))) {
      return length;
    }
    note();
    return random.between(1, length - 1);
  };
  const later = (error: Error | undefined, done: Done, start: () => void): void => {
    if (error === undefined) {
      start();
    } else {
      setImmediate(() => done(error));
    }
  };

  Object.assign(fs, {
    openSync(file: string, flags: number, mode?: number): number {
      check("open", file);
      const descriptor = original.openSync(file, flags, mode);
      paths.set(descriptor, file);
      return descriptor;
    },
    closeSync(descriptor: number): void {
      paths.delete(descriptor);
      original.closeSync(descriptor);
    },
    readSync(descriptor: number, target: Uint8Array, offset: number, length: number, at: number): number {
      check("read", paths.get(descriptor));
      return original.readSync(descriptor, target, offset, part("read", descriptor, length), at);
    },
    writeSync(descriptor: number, data: Uint8Array, offset: number, length: number, at: number): number {
      check("write", paths.get(descriptor));
      return typeof data === "string"
        ? original.writeSync(descriptor, data)
        : original.writeSync(descriptor, data, offset, part("write", descriptor, length), at);
    },
    write(
      descriptor: number,
      data: Uint8Array,
      offset: number,
      length: number,
      at: number,
      done: Done,
    ): void {
      later(errorOf("write", paths.get(descriptor)), done, () =>
        original.write(descriptor, data, offset, part("write", descriptor, length), at, done),
      );
    },
    fdatasyncSync(descriptor: number): void {
      check("sync", paths.get(descriptor));
      original.fdatasyncSync(descriptor);
    },
    fdatasync(descriptor: number, done: Done): void {
      later(errorOf("sync", paths.get(descriptor)), done, () => original.fdatasync(descriptor, done));
    },
    fsyncSync(descriptor: number): void {
      check("sync", paths.get(descriptor));
      original.fsyncSync(descriptor);
    },
    fsync(descriptor: number, done: Done): void {
      later(errorOf("sync", paths.get(descriptor)), done, () => original.fsync(descriptor, done));
    },
    ftruncateSync(descriptor: number, length: number): void {
      check("truncate", paths.get(descriptor));
      original.ftruncateSync(descriptor, length);
    },
    renameSync(from: string, to: string): void {
      check("rename", from);
      original.renameSync(from, to);
    },
    linkSync(from: string, to: string): void {
      check("link", to);
      original.linkSync(from, to);
    },
    rmSync(file: string, options: { force: boolean }): void {
      check("remove", file);
      original.rmSync(file, options);
    },
    rm(file: string, options: { force: boolean }, done: Done): void {
      later(errorOf("remove", file), done, () => original.rm(file, options, done));
    },
  });

  /** Workers are started without the flags of their process: this one is for them all the same. */
  class WatchedWorker extends threads.Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, { ...options, execArgv: ["--import", import.meta.url] });
    }
  }
  Object.assign(threads, { Worker: WatchedWorker });
  syncBuiltinESMExports();
}

const given = process.env[fileFaultVariable];
if (given !== undefined) {
  watch(JSON.parse(given) as FileFault);
}
