/**
 * Reads unreadable parts of a disk (EIO) as zeros, so that checksums detect them like any other damage and the data
 * around them is still found. Only for examination and repair.
 */

import { FastKVError } from "../errors.js";
import type { FileHandle, FileSystem } from "../storage/file-system.js";

/** The unit that a disk returns or refuses as a whole. */
const sectorBytes = 4096;

function isUnreadable(error: unknown): boolean {
  const cause = error instanceof FastKVError ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "EIO";
}

class PatchyFileHandle implements FileHandle {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.path = handle.path;
    this.#handle = handle;
  }

  read(target: Uint8Array, position: number): number {
    try {
      return this.#handle.read(target, position);
    } catch (error) {
      if (!isUnreadable(error)) {
        throw error;
      }
      return this.#readSectors(target, position);
    }
  }

  #readSectors(target: Uint8Array, position: number): number {
    const readable = Math.min(target.byteLength, Math.max(0, this.#handle.sizeBytes() - position));
    let done = 0;
    while (done < readable) {
      const at = position + done;
      const sectorEnd = (Math.floor(at / sectorBytes) + 1) * sectorBytes;
      const part = target.subarray(done, Math.min(readable, sectorEnd - position));
      try {
        this.#handle.read(part, at);
      } catch (error) {
        if (!isUnreadable(error)) {
          throw error;
        }
        part.fill(0);
      }
      done += part.byteLength;
    }
    return readable;
  }

  write(data: Uint8Array, position: number): void {
    this.#handle.write(data, position);
  }

  writeAsync(data: Uint8Array, position: number): Promise<void> {
    return this.#handle.writeAsync(data, position);
  }

  sizeBytes(): number {
    return this.#handle.sizeBytes();
  }

  truncate(sizeBytes: number): void {
    this.#handle.truncate(sizeBytes);
  }

  sync(): void {
    this.#handle.sync();
  }

  syncAsync(): Promise<void> {
    return this.#handle.syncAsync();
  }

  close(): void {
    this.#handle.close();
  }
}

export class ZeroFillingFileSystem implements FileSystem {
  readonly #fileSystem: FileSystem;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  create(path: string): FileHandle {
    return this.#fileSystem.create(path);
  }

  open(path: string, mode: "read" | "update"): FileHandle {
    return new PatchyFileHandle(this.#fileSystem.open(path, mode));
  }

  exists(path: string): boolean {
    return this.#fileSystem.exists(path);
  }

  list(folder: string): string[] {
    return this.#fileSystem.list(folder);
  }

  makeFolder(path: string): void {
    this.#fileSystem.makeFolder(path);
  }

  rename(from: string, to: string): void {
    this.#fileSystem.rename(from, to);
  }

  link(from: string, to: string): void {
    this.#fileSystem.link(from, to);
  }

  remove(path: string): void {
    this.#fileSystem.remove(path);
  }

  removeAsync(path: string): Promise<void> {
    return this.#fileSystem.removeAsync(path);
  }

  removeFolder(path: string): void {
    this.#fileSystem.removeFolder(path);
  }

  syncFolder(path: string): void {
    this.#fileSystem.syncFolder(path);
  }

  syncFolderAsync(path: string): Promise<void> {
    return this.#fileSystem.syncFolderAsync(path);
  }
}
