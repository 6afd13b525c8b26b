import { Command, Flags } from "@oclif/core";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { exportToFile, exportToOutput } from "../bulk/export.js";
import { withDatabase } from "../one-shot.js";
import { rangeFlags, scanFromFlags } from "../range-flags.js";

export default class Export extends Command {
  static override description = [
    "Write a database as JSON lines: key, value, encoding and expiry, with base64 for what is bytes.",
    "`bulk` reads the lines back: that copies a database into any number of shards.",
  ].join("\n");
  static override examples = [
    "<%= config.bin %> export --path ./a > a.jsonl",
    "<%= config.bin %> export --path ./a | <%= config.bin %> bulk - --path ./b",
  ];
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    ...rangeFlags,
    output: Flags.string({ char: "o", description: "write to this file instead of stdout" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Export);
    const range = scanFromFlags(flags);
    await withDatabase(
      flags.path,
      { create: false, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output, signal }) => {
        if (flags.output === undefined) {
          await exportToOutput(db, range, output, signal);
        } else {
          const count = await exportToFile(db, range, flags.output, { signal, progress: true });
          output.say(`Exported ${count} items`);
        }
      },
    );
  }
}
