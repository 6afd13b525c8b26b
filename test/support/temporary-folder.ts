/** Folders on the real disk that vanish with the test that asked for them. */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** Makes a fresh folder; the caller removes it with `removeTemporaryFolder`. */
export function makeTemporaryFolder(): string {
  return fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "fastkv-test-"));
}

/** Removes a folder with all it holds. Retries, since a process that was just killed may still write into it. */
export function removeTemporaryFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/**
 * Call it in a `describe` block: each test there has a fresh folder, made when the returned function is first
 * called in that test, and removed after it. The same test gets the same folder at each call.
 */
export function useTemporaryFolder(): () => string {
  let folder: string | undefined;
  afterEach("remove the temporary folder", () => {
    if (folder !== undefined) {
      const made = folder;
      folder = undefined;
      removeTemporaryFolder(made);
    }
  });
  return () => {
    folder ??= makeTemporaryFolder();
    return folder;
  };
}
