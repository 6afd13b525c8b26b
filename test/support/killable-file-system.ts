import type { FileHandle, FileSystem } from "../../shared/storage/file-system.js";
import { SimulatedCrash } from "./simulated-disk/simulated-crash.js";

/**
 * The files of one simulated process: once it is killed, every call of its throws, also those that were under way.
 * What such a call had already asked of the disk still happens there, as after a real kill -9.
 */
export class KillableFileSystem implements FileSystem {
  readonly #files: FileSystem;
  #isDead = false;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  kill(): void {
    this.#isDead = true;
  }

  checkAlive(): void {
    if (this.#isDead) {
      throw new SimulatedCrash("The simulated process was killed");
    }
  }

  create(path: string): FileHandle {
    this.checkAlive();
    return new KillableFileHandle(this.#files.create(path), this);
  }

  open(path: string, mode: "read" | "update"): FileHandle {
    this.checkAlive();
    return new KillableFileHandle(this.#files.open(path, mode), this);
  }

  exists(path: string): boolean {
    this.checkAlive();
    return this.#files.exists(path);
  }

  list(folder: string): string[] {
    this.checkAlive();
    return this.#files.list(folder);
  }

  makeFolder(path: string): void {
    this.checkAlive();
    this.#files.makeFolder(path);
  }

  rename(from: string, to: string): void {
    this.checkAlive();
    this.#files.rename(from, to);
  }

  link(from: string, to: string): void {
    this.checkAlive();
    this.#files.link(from, to);
  }

  remove(path: string): void {
    this.checkAlive();
    this.#files.remove(path);
  }

  async removeAsync(path: string): Promise<void> {
    this.checkAlive();
    await this.#files.removeAsync(path);
    this.checkAlive();
  }

  removeFolder(path: string): void {
    this.checkAlive();
    this.#files.removeFolder(path);
  }

  syncFolder(path: string): void {
    this.checkAlive();
    this.#files.syncFolder(path);
  }

  async syncFolderAsync(path: string): Promise<void> {
    this.checkAlive();
    await this.#files.syncFolderAsync(path);
    this.checkAlive();
  }
}

class KillableFileHandle implements FileHandle {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #process: KillableFileSystem;

  constructor(handle: FileHandle, process: KillableFileSystem) {
    this.path = handle.path;
    this.#handle = handle;
    this.#process = process;
  }

  write(data: Uint8Array, position: number): void {
    this.#process.checkAlive();
    this.#handle.write(data, position);
  }

  async writeAsync(data: Uint8Array, position: number): Promise<void> {
    this.#process.checkAlive();
    await this.#handle.writeAsync(data, position);
    this.#process.checkAlive();
  }

  read(target: Uint8Array, position: number): number {
    this.#process.checkAlive();
    return this.#handle.read(target, position);
  }

  sizeBytes(): number {
    this.#process.checkAlive();
    return this.#handle.sizeBytes();
  }

  truncate(sizeBytes: number): void {
    this.#process.checkAlive();
    this.#handle.truncate(sizeBytes);
  }

  sync(): void {
    this.#process.checkAlive();
    this.#handle.sync();
  }

  async syncAsync(): Promise<void> {
    this.#process.checkAlive();
    await this.#handle.syncAsync();
    this.#process.checkAlive();
  }

  close(): void {
    this.#process.checkAlive();
    this.#handle.close();
  }
}
