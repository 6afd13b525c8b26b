/** What the process that loads and the one that reads (reader-main.ts) say to each other. */

import type { GroupMessage } from "./group-message.js";
import type { ImportRequest } from "./request.js";

export type ToReader =
  | { type: "open"; request: ImportRequest }
  /** One more group is wanted. */
  | { type: "next" };

export type FromReader =
  /** The source is sound as far as can be told, and has so many entries. */
  | { type: "opened"; count: number }
  | { type: "group"; group: GroupMessage }
  | { type: "end" }
  | { type: "failed"; message: string; exitCode: number; stack: string | undefined };
