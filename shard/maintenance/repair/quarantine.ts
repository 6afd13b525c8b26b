import type { FileSystem } from "../../../shared/storage/file-system.js";

/**
 * Files that a repair replaces. Each gets a second name in a separate folder before anything changes, and loses its
 * first name only once the repaired state is in force, so that no crash loses a file.
 */
export class Quarantine {
  readonly names: string[] = [];
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #lostFolder: string;

  constructor(fileSystem: FileSystem, folder: string, lostFolder: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#lostFolder = lostFolder;
  }

  /** Gives a file its second name. A missing file is no error: there is nothing to keep. */
  keep(name: string): void {
    const path = `${this.#folder}/${name}`;
    if (this.names.includes(name) || !this.#fileSystem.exists(path)) {
      return;
    }
    if (this.names.length === 0) {
      this.#fileSystem.makeFolder(this.#lostFolder);
    }
    this.#fileSystem.link(path, `${this.#lostFolder}/${name}`);
    this.names.push(name);
  }

  /** Syncs the second names to disk. */
  sync(): void {
    if (this.names.length > 0) {
      this.#fileSystem.syncFolder(this.#lostFolder);
    }
  }

  /** Removes the first names, once the repaired state is in force, except those that now name other files. */
  finish(replaced: ReadonlySet<string>): void {
    for (const name of this.names.filter((one) => !replaced.has(one))) {
      this.#fileSystem.remove(`${this.#folder}/${name}`);
    }
    this.#fileSystem.syncFolder(this.#folder);
  }
}
