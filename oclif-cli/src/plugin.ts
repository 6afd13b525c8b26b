/**
 * What the host offers to third-party plugins: the library that it uses, through oclif's hook "fastkv".
 *
 * A plugin that is installed with `fastkv plugins install` is in a folder of its own, from which it cannot import the
 * host's packages. The hook gives it the same library, so there is never a second copy in another version:
 *
 *     import type { FastKVHost } from "fastkv-cli/plugin";
 *
 *     const { successes } = await this.config.runHook("fastkv", {});
 *     const { openDatabase } = successes[0].result as FastKVHost;
 *     await using db = await openDatabase(flags.path);
 */

import type * as library from "fastkv";
import type { openDatabase } from "./kit/open-database.js";

export interface FastKVHost {
  /** All exports of the package `fastkv`. */
  library: typeof library;
  /** Opens a database. A failure ends the command with one clear line and exit code 2. */
  openDatabase: typeof openDatabase;
}

declare module "@oclif/core/interfaces" {
  interface Hooks {
    fastkv: { options: Record<string, never>; return: FastKVHost };
    /** Called on all plugins: returns a hint for a user who typed these words, which are not a command. */
    fastkvUnknownCommand: { options: { words: readonly string[] }; return: string | undefined };
  }
}
