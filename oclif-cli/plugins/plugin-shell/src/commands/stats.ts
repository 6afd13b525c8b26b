import { Command, Flags } from "@oclif/core";
import { pathFlag } from "fastkv-cli/kit/flags";
import { withDatabase } from "../one-shot.js";
import { printStats } from "../stats.js";

export default class Stats extends Command {
  static override description = "Print the statistics of a database as JSON.";
  static override examples = ["<%= config.bin %> stats --path ./my_database"];
  static override flags = {
    path: pathFlag,
    json: Flags.boolean({ description: "as the other commands have it; statistics are JSON anyway" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Stats);
    await withDatabase(flags.path, { create: false }, async ({ db, output }) => {
      printStats(await db.stats(), output);
    });
  }
}
