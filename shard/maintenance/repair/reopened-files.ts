/**
 * Files that are read a little at a time, in turn. At most `maxOpen` are open at a time, however many handles there
 * are. The one that was not read for the longest time is closed, and is opened again when it is read.
 */

import { FastKVError } from "../../../shared/errors.js";
import type { FileHandle, FileSystem } from "../../../shared/storage/file-system.js";

export type FileOpener = Pick<FileSystem, "open">;

export class ReopenedFiles implements FileOpener {
  readonly #fileSystem: FileOpener;
  readonly #maxOpen: number;
  /** Ordered by last read, the most recent last. */
  readonly #open = new Map<ReopenedFile, FileHandle>();

  constructor(fileSystem: FileOpener, maxOpen: number) {
    this.#fileSystem = fileSystem;
    this.#maxOpen = maxOpen;
  }

  /** For reading only. Throws immediately if the file cannot be opened. */
  open(path: string): FileHandle {
    const file = new ReopenedFile(path, this);
    this.handleOf(file);
    return file;
  }

  handleOf(file: ReopenedFile): FileHandle {
    let handle = this.#open.get(file);
    if (handle === undefined) {
      for (const oldest of this.#open.keys()) {
        if (this.#open.size < this.#maxOpen) {
          break;
        }
        this.close(oldest);
      }
      handle = this.#fileSystem.open(file.path, "read");
    }
    this.#open.delete(file);
    this.#open.set(file, handle);
    return handle;
  }

  close(file: ReopenedFile): void {
    this.#open.get(file)?.close();
    this.#open.delete(file);
  }
}

class ReopenedFile implements FileHandle {
  readonly path: string;
  readonly #files: ReopenedFiles;
  #isClosed = false;

  constructor(path: string, files: ReopenedFiles) {
    this.path = path;
    this.#files = files;
  }

  get #handle(): FileHandle {
    if (this.#isClosed) {
      throw new FastKVError("FASTKV_IO", `${this.path} was closed`);
    }
    return this.#files.handleOf(this);
  }

  read(target: Uint8Array, position: number): number {
    return this.#handle.read(target, position);
  }

  sizeBytes(): number {
    return this.#handle.sizeBytes();
  }

  close(): void {
    this.#isClosed = true;
    this.#files.close(this);
  }

  write(): never {
    throw this.#readOnly();
  }

  writeAsync(): Promise<never> {
    return Promise.reject(this.#readOnly());
  }

  truncate(): never {
    throw this.#readOnly();
  }

  sync(): never {
    throw this.#readOnly();
  }

  syncAsync(): Promise<never> {
    return Promise.reject(this.#readOnly());
  }

  #readOnly(): FastKVError {
    return new FastKVError("FASTKV_INTERNAL", `${this.path} is only read`);
  }
}
