/**
 * What the host offers to plugins of other people: the library that it runs on, through oclif's hook "fastkv".
 *
 * A plugin that is installed with `fastkv plugins install` lives in a folder of its own, from where it cannot import
 * the host's packages. The hook hands it the very same library, so there is never a second copy of another version:
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
  /** Everything that the package `fastkv` exports. */
  library: typeof library;
  /** Opens a database. What goes wrong ends the command with one clear line and exit code 2. */
  openDatabase: typeof openDatabase;
}

declare module "@oclif/core/interfaces" {
  interface Hooks {
    fastkv: { options: Record<string, never>; return: FastKVHost };
    /** Asked of all plugins: what may help who gave these words, which are no command. */
    fastkvUnknownCommand: { options: { words: readonly string[] }; return: string | undefined };
  }
}
