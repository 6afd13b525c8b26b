import { Command, Flags } from "@oclif/core";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { withDatabase } from "../one-shot.js";
import { printStats } from "../stats.js";

export default class Stats extends Command {
  static override description = "Print the statistics of a database as JSON.";
  static override examples = ["<%= config.bin %> stats --path ./my_database"];
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    json: Flags.boolean({ description: "as the other commands have it; statistics are JSON anyway" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Stats);
    await withDatabase(
      flags.path,
      { create: false, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output }) => {
        printStats(await db.stats(), output);
      },
    );
  }
}
