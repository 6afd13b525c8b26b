import type { FileSystem } from "../../../shared/storage/file-system.js";

/**
 * Removes files that nothing needs any more. Removing a large file takes the system tens of milliseconds (it frees each
 * block), so it is done in the thread pool, one file at a time. A crash in between leaves orphans, which recovery and
 * `resume` collect.
 */
export class ObsoleteFiles {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #onError: (error: unknown) => void;
  #removals: Promise<void> = Promise.resolve();

  constructor(fileSystem: FileSystem, folder: string, onError: (error: unknown) => void) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#onError = onError;
  }

  remove(name: string): void {
    this.#removals = this.#removals
      .then(() => this.#fileSystem.removeAsync(`${this.#folder}/${name}`))
      .catch(this.#onError);
  }

  /** Resolves when every file passed to `remove` so far is removed. */
  settle(): Promise<void> {
    return this.#removals;
  }
}
