import type { FileSystem } from "../../shared/storage/file-system.js";

/**
 * The folder in which a repair keeps the files that it replaces. Files keep the names that they have in the database's
 * folder.
 */
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

  /** Links a file here; its original name may then be reused. A missing file is not an error. */
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

  /** Makes everything durable. Returns the folder's path, or null if it stayed empty and was removed. */
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
