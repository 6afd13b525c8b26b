import { FastKVError } from "../../../../shared/errors.js";
import type { FileHandle, FileSystem } from "../../../../shared/storage/file-system.js";

class MemoryFile {
  bytes = Buffer.alloc(0);
}

/** The little of a file system that tables use, in memory; `failAfterWrites` makes it fail like a full disk. */
export class MemoryFileSystem implements FileSystem {
  readonly files = new Map<string, MemoryFile>();
  /** Sizes of all write calls. */
  readonly writes: number[] = [];
  failAfterWrites = Number.POSITIVE_INFINITY;
  openHandles = 0;
  reads = 0;

  contents(path: string): Buffer {
    return this.#file(path).bytes;
  }

  put(path: string, bytes: Uint8Array): void {
    const file = new MemoryFile();
    file.bytes = Buffer.from(bytes);
    this.files.set(path, file);
  }

  create(path: string): FileHandle {
    if (this.files.has(path)) {
      throw new FastKVError("FASTKV_IO", `${path} exists`);
    }
    this.files.set(path, new MemoryFile());
    return this.open(path);
  }

  open(path: string): FileHandle {
    const file = this.#file(path);
    this.openHandles += 1;
    let closed = false;
    const check = (): void => {
      if (closed) {
        throw new Error("a closed file handle was used");
      }
    };
    return {
      path,
      write: (data, position) => {
        check();
        if (this.writes.length >= this.failAfterWrites) {
          throw new FastKVError("FASTKV_NO_SPACE", "the disk is full");
        }
        this.writes.push(data.byteLength);
        const bytes = Buffer.alloc(Math.max(file.bytes.length, position + data.byteLength));
        file.bytes.copy(bytes);
        bytes.set(data, position);
        file.bytes = bytes;
      },
      writeAsync: () => Promise.reject(new Error("not used by tables")),
      read: (target, position) => {
        check();
        this.reads += 1;
        const part = file.bytes.subarray(position, position + target.byteLength);
        target.set(part);
        return part.length;
      },
      sizeBytes: () => file.bytes.length,
      truncate: check,
      sync: check,
      syncAsync: () => Promise.reject(new Error("not used by tables")),
      close: () => {
        check();
        closed = true;
        this.openHandles -= 1;
      },
    };
  }

  exists(path: string): boolean {
    return this.files.has(path);
  }

  remove(path: string): void {
    this.files.delete(path);
  }

  list(): string[] {
    return [...this.files.keys()].sort();
  }

  rename(from: string, to: string): void {
    this.files.set(to, this.#file(from));
    this.files.delete(from);
  }

  link(from: string, to: string): void {
    this.files.set(to, this.#file(from));
  }

  makeFolder(): void {}
  async removeAsync(path: string): Promise<void> {
    this.remove(path);
  }

  removeFolder(): void {}
  syncFolder(): void {}

  syncFolderAsync(): Promise<void> {
    return Promise.resolve();
  }

  #file(path: string): MemoryFile {
    const file = this.files.get(path);
    if (file === undefined) {
      const cause = Object.assign(new Error(`no such file ${path}`), { code: "ENOENT" });
      throw new FastKVError("FASTKV_IO", `Cannot open ${path}: ENOENT.`, { cause });
    }
    return file;
  }
}
