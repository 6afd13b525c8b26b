/** The flags shared by the commands that open a database. */

import { Errors, Flags } from "@oclif/core";
import type { DurabilityMode, ValueEncoding } from "fastkv";
import { parseDurationMs } from "./duration.js";

const maxShards = 256;

export const pathFlag = Flags.string({
  char: "p",
  description: "folder of the database",
  env: "FASTKV_PATH",
  required: true,
});

export const sharedFolderFlag = Flags.boolean({
  description: "accept a folder that belongs to another user, or that others may write to",
});

export const shardsFlag = Flags.integer({
  description: "number of shards; counts when the database is created, and is checked afterwards",
  min: 1,
  max: maxShards,
});

export const durabilityFlag = Flags.option({
  description: "when a write counts as done",
  options: ["none", "background", "sync"] as const satisfies readonly DurabilityMode[],
})();

export const encodingFlag = Flags.option({
  description: "how values are encoded",
  options: ["json", "msgpack", "structured", "binary"] as const satisfies readonly ValueEncoding[],
})();

export const noCreateFlag = Flags.boolean({
  description: "fail if there is no database, instead of creating one",
});

export const durationFlag = Flags.custom<number>({
  parse: async (input) => {
    const ms = parseDurationMs(input);
    if (ms === undefined || ms === 0) {
      throw new Errors.CLIError(`"${input}" is no duration: write 1500 (ms), 90s, 5m, 2h or 7d`);
    }
    return ms;
  },
});
