import type { FileSystem } from "../../../shared/storage/file-system.js";

/**
 * Files that a repair replaces. Each gets a second name in a folder of its own before anything changes, and loses its
 * first one only when the repaired state is in force: so no crash loses one.
 */
export class SetAside {
  readonly names: string[] = [];
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #lostFolder: string;

  constructor(fileSystem: FileSystem, folder: string, lostFolder: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#lostFolder = lostFolder;
  }

  /** A missing file is no error: there is nothing to keep. */
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

  /** From here on the second names are on disk. */
  sync(): void {
    if (this.names.length > 0) {
      this.#fileSystem.syncFolder(this.#lostFolder);
    }
  }

  /** The repaired state is in force: the first names go, but for those that name other files now. */
  finish(replaced: ReadonlySet<string>): void {
    for (const name of this.names.filter((one) => !replaced.has(one))) {
      this.#fileSystem.remove(`${this.#folder}/${name}`);
    }
    this.#fileSystem.syncFolder(this.#folder);
  }
}
