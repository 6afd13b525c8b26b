import { Args, Command } from "@oclif/core";
import { durabilityFlag, pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { base64KeyFlag, keyArgument } from "../key-argument.js";
import { withDatabase } from "../one-shot.js";

export default class Delete extends Command {
  static override description = "Remove a key. That it was not there is no error.";
  static override examples = ["<%= config.bin %> delete user:1001 --path ./my_database"];
  static override args = { key: Args.string({ required: true, description: "the key" }) };
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    durability: durabilityFlag,
    "base64-key": base64KeyFlag,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Delete);
    const key = keyArgument(args.key, flags["base64-key"]);
    await withDatabase(
      flags.path,
      { durability: flags.durability, create: false, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output }) => {
        await db.delete(key);
        output.say("OK");
      },
    );
  }
}
