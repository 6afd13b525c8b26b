import { Args, Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { exportToOutput } from "../bulk/export.js";
import { withDatabase } from "../one-shot.js";
import { rangeFlags, scanFromFlags } from "../range-flags.js";
import { printScan } from "../scan.js";

export default class Scan extends Command {
  static override description = "List keys and values in order.";
  static override examples = [
    "<%= config.bin %> scan user: --limit 10 --path ./my_database",
    "<%= config.bin %> scan --reverse --json --path ./my_database",
  ];
  static override args = {
    prefix: Args.string({ description: "only keys that begin with this", ignoreStdin: true }),
  };
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    ...rangeFlags,
    json: Flags.boolean({
      description: "JSON lines with key, value, encoding and expiry, as export writes them",
    }),
    keys: Flags.boolean({ description: "only the keys", exclusive: ["json"] }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Scan);
    if (args.prefix !== undefined && flags.prefix !== undefined) {
      this.error("Give the prefix once: as the argument or with --prefix", { exit: exitCode.unusable });
    }
    const range = scanFromFlags({ ...flags, prefix: flags.prefix ?? args.prefix });
    await withDatabase(
      flags.path,
      { create: false, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output, signal }) => {
        if (flags.json) {
          await exportToOutput(db, range, output, signal);
          return;
        }
        const count = await printScan(db, range, flags.keys ? "keys" : "text", output, signal);
        if (!flags.keys) {
          output.say(`Total: ${count} items`);
        }
      },
    );
  }
}
