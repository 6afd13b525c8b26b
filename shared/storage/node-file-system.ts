import fs from "node:fs";
import { FastKVError } from "../errors.js";
import type { FileHandle, FileSystem } from "./file-system.js";

const noSpaceCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;
const noFollow = O_NOFOLLOW ?? 0;

function systemCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}

function ioError(action: string, path: string, cause: unknown): FastKVError {
  const code = systemCode(cause);
  if (noSpaceCodes.has(code)) {
    return new FastKVError(
      "FASTKV_NO_SPACE",
      `Cannot ${action} ${path}: no room left (${code}). Free some space.`,
      {
        cause,
        writeOutcome: "not-applied",
      },
    );
  }
  const advice = code === "EMFILE" || code === "ENFILE" ? " Raise the limit of open files (ulimit -n)." : "";
  return new FastKVError("FASTKV_IO", `Cannot ${action} ${path}: ${code}.${advice}`, { cause });
}

function attempt<T>(action: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ioError(action, path, error);
  }
}

function attemptAsync<T>(
  action: string,
  path: string,
  start: (done: fs.NoParamCallback) => T,
): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) {
        reject(ioError(action, path, error));
      } else {
        resolve();
      }
    });
  });
}

/** A short count with no error is what a full disk answers first; the next call then says why. */
function shortWrite(path: string): FastKVError {
  return new FastKVError(
    "FASTKV_NO_SPACE",
    `Cannot write ${path}: the system took only a part. Free some space.`,
    {
      writeOutcome: "not-applied",
    },
  );
}

class NodeFileHandle implements FileHandle {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  write(data: Uint8Array, position: number): void {
    let done = 0;
    while (done < data.byteLength) {
      const count = attempt("write", this.path, () =>
        fs.writeSync(this.#descriptor, data, done, data.byteLength - done, position + done),
      );
      if (count === 0) {
        throw shortWrite(this.path);
      }
      done += count;
    }
  }

  async writeAsync(data: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < data.byteLength) {
      const count = await new Promise<number>((resolve, reject) => {
        fs.write(this.#descriptor, data, done, data.byteLength - done, position + done, (error, written) => {
          if (error) {
            reject(ioError("write", this.path, error));
          } else {
            resolve(written);
          }
        });
      });
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
        fs.readSync(this.#descriptor, target, done, target.byteLength - done, position + done),
      );
      if (count === 0) {
        break;
      }
      done += count;
    }
    return done;
  }

  sizeBytes(): number {
    return attempt("stat", this.path, () => fs.fstatSync(this.#descriptor).size);
  }

  truncate(sizeBytes: number): void {
    attempt("truncate", this.path, () => fs.ftruncateSync(this.#descriptor, sizeBytes));
  }

  sync(): void {
    attempt("sync", this.path, () => fs.fdatasyncSync(this.#descriptor));
  }

  syncAsync(): Promise<void> {
    return attemptAsync("sync", this.path, (done) => fs.fdatasync(this.#descriptor, done));
  }

  close(): void {
    attempt("close", this.path, () => fs.closeSync(this.#descriptor));
  }
}

/** Node's files: the only user of `node:fs` in FastKV. */
export class NodeFileSystem implements FileSystem {
  create(path: string): FileHandle {
    const flags = O_CREAT | O_EXCL | O_RDWR | noFollow;
    return new NodeFileHandle(
      path,
      attempt("create", path, () => fs.openSync(path, flags, 0o600)),
    );
  }

  open(path: string, mode: "read" | "update"): FileHandle {
    const flags = (mode === "read" ? O_RDONLY : O_RDWR) | noFollow;
    return new NodeFileHandle(
      path,
      attempt("open", path, () => fs.openSync(path, flags)),
    );
  }

  exists(path: string): boolean {
    return attempt("look up", path, () => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  }

  list(folder: string): string[] {
    return attempt("list", folder, () => fs.readdirSync(folder).sort());
  }

  makeFolder(path: string): void {
    try {
      fs.mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (systemCode(error) !== "EEXIST" || !fs.lstatSync(path).isDirectory()) {
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
    const descriptor = attempt("open folder", path, () => fs.openSync(path, O_RDONLY));
    try {
      attempt("sync folder", path, () => fs.fsyncSync(descriptor));
    } finally {
      fs.closeSync(descriptor);
    }
  }

  async syncFolderAsync(path: string): Promise<void> {
    const descriptor = attempt("open folder", path, () => fs.openSync(path, O_RDONLY));
    try {
      await attemptAsync("sync folder", path, (done) => fs.fsync(descriptor, done));
    } finally {
      fs.closeSync(descriptor);
    }
  }
}
