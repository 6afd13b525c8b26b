import { Args, Command, Flags } from "@oclif/core";
// Types only: at run time the host provides the library, so no copy of it is installed with the plugin.
import type { FastKVHost } from "fastkv-cli/plugin";

/** The command `fastkv largest`: the keys with the largest values. */
export default class Largest extends Command {
  static override description = "List the keys with the largest values, as JSON.";
  static override examples = ["<%= config.bin %> largest user: --count 3 --path ./my_database"];
  static override args = {
    prefix: Args.string({ description: "only keys that begin with this", default: "" }),
  };
  static override flags = {
    path: Flags.string({ char: "p", description: "folder of the database", required: true }),
    count: Flags.integer({ description: "how many keys to list", default: 10, min: 1 }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Largest);
    await using db = await this.open(flags.path);
    const largest: { key: string; characters: number }[] = [];
    for await (const [key, value] of db.scan(args.prefix)) {
      largest.push({ key, characters: JSON.stringify(value).length });
      largest.sort((left, right) => right.characters - left.characters);
      largest.length = Math.min(largest.length, flags.count);
    }
    for (const { key, characters } of largest) {
      this.log(JSON.stringify({ key, characters }));
    }
  }

  /** The host answers the hook "fastkv" with the library and a way to open a database. */
  private async open(path: string): Promise<Awaited<ReturnType<FastKVHost["openDatabase"]>>> {
    const { successes } = await this.config.runHook("fastkv", {});
    const host = successes[0]?.result;
    if (!host) {
      this.error("This command runs within `fastkv` only");
    }
    return host.openDatabase(path, { create: false });
  }
}
