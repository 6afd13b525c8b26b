/** bulk and export. */

import { exportToFile, exportToOutput } from "../../bulk/export.js";
import { loadFile } from "../../bulk/load.js";
import type { ShellCommand } from "../command.js";
import { readScan, scanOptions } from "../range.js";

const bulk: ShellCommand = {
  name: "bulk",
  usage: "bulk FILE",
  summary: "load many keys from a JSON file",
  details: [
    'FILE is a JSON array, [["key1", "value1"], ["key2", {"nested": "data"}]], or JSON lines: one ["key", value]',
    "or one object of an export on each line. It is streamed, and may be larger than the memory.",
  ].join("\n"),
  words: [1, 1],
  completes: ["file", []],
  async run(session, args, signal) {
    const count = await loadFile(session.db, args.text(0)!, { signal, progress: session.interactive });
    session.output.say(`Loaded ${count} items`);
  },
};

const exportCommand: ShellCommand = {
  name: "export",
  usage: "export [FILE] [--prefix P] [--limit N] [--reverse] [--gt KEY] [--gte KEY] [--lt KEY] [--lte KEY]",
  summary: "write keys, values, encodings and expiries as JSON lines, to FILE or the screen",
  options: scanOptions,
  words: [0, 1],
  completes: ["file", []],
  async run(session, args, signal) {
    const file = args.text(0);
    const range = { ...readScan(args, undefined), ...session.view };
    if (file === undefined) {
      await exportToOutput(session.db, range, session.output, signal);
    } else {
      const count = await exportToFile(session.db, range, file, { signal, progress: session.interactive });
      session.output.say(`Exported ${count} items`);
    }
  },
};

export const transferCommands: readonly ShellCommand[] = [bulk, exportCommand];
