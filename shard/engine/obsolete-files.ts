import type { FileSystem } from "../../shared/storage/file-system.js";

/**
 * Files that nothing needs any more. Removing a large file takes the system tens of milliseconds (it gives back each
 * block), so it is done in the thread pool, one after the other. A crash in between leaves orphans: recovery and
 * `resume` collect them.
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

  /** Resolves when everything is removed that was given by now. */
  settle(): Promise<void> {
    return this.#removals;
  }
}
