/** Messages between the process that loads and the one that reads (reader-main.ts). */

import type { GroupMessage } from "./group-message.js";
import type { ImportRequest } from "./request.js";

export type ToReader =
  | { type: "open"; request: ImportRequest }
  /** Requests one more group. */
  | { type: "next" };

export type FromReader =
  /** As far as can be known the source is sound, and it has this many entries. */
  | { type: "opened"; count: number }
  | { type: "group"; group: GroupMessage }
  | { type: "end" }
  | { type: "failed"; message: string; exitCode: number; stack: string | undefined };
