import type { FileSystem } from "../../shared/storage/file-system.js";

/** Where a repair keeps what it replaces. Names are those that the files have in the database's folder. */
export class LostFolder {
  readonly path: string;
  readonly names: string[] = [];
  readonly #fileSystem: FileSystem;
  readonly #folder: string;

  constructor(fileSystem: FileSystem, folder: string, name: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.path = `${folder}/${name}`;
  }

  make(): void {
    this.#fileSystem.makeFolder(this.path);
    this.#fileSystem.syncFolder(this.#folder);
  }

  /** Gives a file a second name here; its first one may then be given to another. A missing file is no error. */
  keep(name: string): void {
    if (this.#fileSystem.exists(`${this.#folder}/${name}`)) {
      this.#fileSystem.link(`${this.#folder}/${name}`, `${this.path}/${name}`);
      this.#fileSystem.syncFolder(this.path);
      this.names.push(name);
    }
  }

  /** Moves a file or folder here. */
  move(name: string): void {
    this.#fileSystem.rename(`${this.#folder}/${name}`, `${this.path}/${name}`);
    this.names.push(name);
  }

  /** Makes it all durable. Gives the folder's path; null where it stayed empty, and went. */
  finish(): string | null {
    if (this.#fileSystem.list(this.path).length === 0) {
      this.#fileSystem.removeFolder(this.path);
      this.#fileSystem.syncFolder(this.#folder);
      return null;
    }
    this.#fileSystem.syncFolder(this.path);
    this.#fileSystem.syncFolder(this.#folder);
    return this.path;
  }
}
