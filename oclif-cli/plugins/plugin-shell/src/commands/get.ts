import { Args, Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
import { pathFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { write } from "fastkv-cli/kit/output";
import { entryToLine } from "../bulk/entry.js";
import { base64KeyFlag, keyArgument } from "../key-argument.js";
import { storedEntry } from "../library-entries.js";
import { withDatabase } from "../one-shot.js";
import { formatPretty } from "../text/value.js";

export default class Get extends Command {
  static override description =
    "Print the value of a key. If there is no such key, nothing is printed and the exit code is 1.";
  static override examples = [
    "<%= config.bin %> get user:1001 --path ./my_database",
    "<%= config.bin %> get picture --raw --path ./my_database > picture.png",
  ];
  static override args = { key: Args.string({ required: true, description: "the key" }) };
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    "base64-key": base64KeyFlag,
    json: Flags.boolean({
      description: "one line of JSON with key, value, encoding and expiry, as export writes it",
    }),
    raw: Flags.boolean({
      description: "strings and bytes just as they are, without quotes or a line end; anything else as JSON",
      exclusive: ["json"],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Get);
    const key = keyArgument(args.key, flags["base64-key"]);
    await withDatabase(
      flags.path,
      { create: false, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output }) => {
        if (flags.json) {
          const entry = await storedEntry(db, key);
          process.exitCode = entry ? exitCode.ok : exitCode.failed;
          if (entry) {
            output.say(entryToLine(entry));
          }
          return;
        }
        const value = await db.get(key);
        if (value === undefined) {
          process.exitCode = exitCode.failed;
        } else if (flags.raw && (typeof value === "string" || value instanceof Uint8Array)) {
          await write(process.stdout, value);
        } else {
          output.say(flags.raw ? JSON.stringify(value) : formatPretty(value));
        }
      },
    );
  }
}
