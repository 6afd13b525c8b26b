/** Answers the hook "fastkv" (see plugin.ts): gives a plugin the library and a function to open a database. */

import { openDatabase } from "../kit/open-database.js";
import type { FastKVHost } from "../plugin.js";

export default async function offerLibrary(): Promise<FastKVHost> {
  return { library: await import("fastkv"), openDatabase };
}
