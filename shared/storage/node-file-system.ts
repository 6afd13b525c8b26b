import fs from "node:fs";
import { FastKVError, invariant } from "../errors.js";
import type { FileHandle, FileSystem } from "./file-system.js";

const noSpaceCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
// Not available on every platform.
const noFollow = O_NOFOLLOW ?? 0;
const directory = O_DIRECTORY ?? 0;
/** No effect on files and folders. But opening a pipe in the place of one would otherwise block forever. */
const noWaiting = O_NONBLOCK ?? 0;

/** If one of these actions fails, it is unknown which earlier writes are on disk. */
const inDoubtActions = new Set(["sync", "sync folder", "close", "close folder"]);

function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}

function ioError(action: string, path: string, cause: unknown): FastKVError {
  const code = systemCode(cause);
  const isInDoubt = inDoubtActions.has(action);
  if (noSpaceCodes.has(code)) {
    return new FastKVError(
      "FASTKV_NO_SPACE",
      `Cannot ${action} ${path}: no room left (${code}). Free some space.`,
      { cause, writeOutcome: isInDoubt ? "in-doubt" : "not-applied" },
    );
  }
  const advice = code === "EMFILE" || code === "ENFILE" ? " Raise the limit of open files (ulimit -n)." : "";
  return new FastKVError("FASTKV_IO", `Cannot ${action} ${path}: ${code}.${advice}`, {
    cause,
    writeOutcome: isInDoubt ? "in-doubt" : "none",
  });
}

function attempt<T>(action: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ioError(action, path, error);
  }
}

/** Runs a call in the thread pool. An error that `start` throws counts as the call's error. */
function attemptAsync<T = void>(
  action: string,
  path: string,
  start: (done: (error: Error | null, result: T) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  }).catch((error: unknown) => {
    throw ioError(action, path, error);
  });
}

/** The system wrote nothing and gave no reason: the rest cannot be written, most often because the disk is full. */
function shortWrite(path: string): FastKVError {
  return new FastKVError(
    "FASTKV_NO_SPACE",
    `Cannot write ${path}: the system took only a part. Free some space.`,
    { writeOutcome: "not-applied" },
  );
}

class NodeFileHandle implements FileHandle {
  readonly path: string;
  /** Undefined once closed: the number may belong to another file by then. */
  #descriptor: number | undefined;
  /** Number of async calls in progress. */
  #running = 0;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /** Called once per group commit, so it creates no closures. */
  write(data: Uint8Array, position: number): void {
    let done = 0;
    while (done < data.byteLength) {
      let count: number;
      try {
        const descriptor = this.#openDescriptor();
        count = fs.writeSync(descriptor, data, done, data.byteLength - done, position + done);
      } catch (error) {
        throw ioError("write", this.path, error);
      }
      if (count === 0) {
        throw shortWrite(this.path);
      }
      done += count;
    }
  }

  async writeAsync(data: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < data.byteLength) {
      const count = await this.#inThreadPool<number>("write", (descriptor, callback) =>
        fs.write(descriptor, data, done, data.byteLength - done, position + done, callback),
      );
      if (count === 0) {
        throw shortWrite(this.path);
      }
      done += count;
    }
  }

  read(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.byteLength) {
      const count = attempt("read", this.path, () =>
        fs.readSync(this.#openDescriptor(), target, done, target.byteLength - done, position + done),
      );
      if (count === 0) {
        break;
      }
      done += count;
    }
    return done;
  }

  sizeBytes(): number {
    return attempt("stat", this.path, () => fs.fstatSync(this.#openDescriptor()).size);
  }

  truncate(sizeBytes: number): void {
    attempt("truncate", this.path, () => fs.ftruncateSync(this.#openDescriptor(), sizeBytes));
  }

  sync(): void {
    attempt("sync", this.path, () => fs.fdatasyncSync(this.#openDescriptor()));
  }

  syncAsync(): Promise<void> {
    return this.#inThreadPool("sync", (descriptor, callback) => fs.fdatasync(descriptor, callback));
  }

  close(): void {
    invariant(this.#running === 0, "no call is under way when a file is closed");
    attempt("close", this.path, () => {
      const descriptor = this.#openDescriptor();
      // The system releases the number even if closing fails.
      this.#descriptor = undefined;
      fs.closeSync(descriptor);
    });
  }

  #openDescriptor(): number {
    if (this.#descriptor === undefined) {
      throw Object.assign(new Error("EBADF: the file was closed"), { code: "EBADF" });
    }
    return this.#descriptor;
  }

  async #inThreadPool<T = void>(
    action: string,
    start: (descriptor: number, done: (error: Error | null, result: T) => void) => void,
  ): Promise<T> {
    this.#running += 1;
    try {
      return await attemptAsync<T>(action, this.path, (done) => start(this.#openDescriptor(), done));
    } finally {
      this.#running -= 1;
    }
  }
}

/** The file system of Node. */
export class NodeFileSystem implements FileSystem {
  create(path: string): FileHandle {
    const flags = O_CREAT | O_EXCL | O_RDWR | noFollow;
    return new NodeFileHandle(
      path,
      attempt("create", path, () => fs.openSync(path, flags, 0o600)),
    );
  }

  open(path: string, mode: "read" | "update"): FileHandle {
    const flags = (mode === "read" ? O_RDONLY : O_RDWR) | noFollow | noWaiting;
    return new NodeFileHandle(
      path,
      attempt("open", path, () => openPlain(path, flags)),
    );
  }

  exists(path: string): boolean {
    try {
      fs.lstatSync(path);
      return true;
    } catch (error) {
      if (systemCode(error) === "ENOENT") {
        return false;
      }
      throw ioError("look up", path, error);
    }
  }

  list(folder: string): string[] {
    return attempt("list", folder, () => fs.readdirSync(folder).sort());
  }

  makeFolder(path: string): void {
    try {
      fs.mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (systemCode(error) !== "EEXIST" || !isFolder(path)) {
        throw ioError("create folder", path, error);
      }
    }
  }

  rename(from: string, to: string): void {
    attempt("rename", from, () => fs.renameSync(from, to));
  }

  link(from: string, to: string): void {
    attempt("link", to, () => fs.linkSync(from, to));
  }

  remove(path: string): void {
    attempt("remove", path, () => fs.rmSync(path, { force: true }));
  }

  removeAsync(path: string): Promise<void> {
    return attemptAsync("remove", path, (done) => fs.rm(path, { force: true }, (error) => done(error)));
  }

  removeFolder(path: string): void {
    try {
      fs.rmdirSync(path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") {
        throw ioError("remove folder", path, error);
      }
    }
  }

  syncFolder(path: string): void {
    const descriptor = openFolder(path);
    try {
      attempt("sync folder", path, () => fs.fsyncSync(descriptor));
    } finally {
      attempt("close folder", path, () => fs.closeSync(descriptor));
    }
  }

  async syncFolderAsync(path: string): Promise<void> {
    const descriptor = openFolder(path);
    try {
      await attemptAsync("sync folder", path, (done) => fs.fsync(descriptor, done));
    } finally {
      attempt("close folder", path, () => fs.closeSync(descriptor));
    }
  }
}

/** Refuses a pipe, socket or device in the place of a file or folder. */
function openPlain(path: string, flags: number): number {
  const descriptor = fs.openSync(path, flags);
  const stats = fs.fstatSync(descriptor);
  if (stats.isFile() || stats.isDirectory()) {
    return descriptor;
  }
  fs.closeSync(descriptor);
  throw Object.assign(new Error("EINVAL: it is no plain file"), { code: "EINVAL" });
}

function isFolder(path: string): boolean {
  return attempt("look up", path, () => fs.lstatSync(path).isDirectory());
}

function openFolder(path: string): number {
  return attempt("open folder", path, () => fs.openSync(path, O_RDONLY | directory));
}
