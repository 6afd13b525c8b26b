import { Args, Command, Flags } from "@oclif/core";
import { durabilityFlag, encodingFlag, pathFlag, shardsFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { loadFile, sourceBytes } from "../bulk/load.js";
import { withDatabase } from "../one-shot.js";

export default class Bulk extends Command {
  static override description = [
    "Load many keys from a file, or from stdin for -.",
    'FILE is a JSON array, [["key1", "value1"], ["key2", {"nested": "data"}]], or JSON lines: one ["key", value] or',
    "one object of an export on each line. It is streamed, and may be larger than the memory.",
  ].join("\n");
  static override examples = [
    "<%= config.bin %> bulk data.json --path ./my_database",
    "<%= config.bin %> export --path ./a | <%= config.bin %> bulk - --path ./b --shards 4",
  ];
  static override args = {
    file: Args.string({ required: true, description: "file to load; -: stdin", ignoreStdin: true }),
  };
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    shards: shardsFlag,
    durability: durabilityFlag,
    encoding: encodingFlag,
    json: Flags.boolean({ description: "print the result as JSON" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Bulk);
    const { path, shards, durability, encoding } = flags;
    // A mistake in the file's name must not leave an empty database behind.
    await sourceBytes(args.file);
    await withDatabase(
      path,
      { shards, durability, encoding, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output, signal }) => {
        const count = await loadFile(db, args.file, { signal, progress: true });
        output.say(flags.json ? JSON.stringify({ loaded: count }) : `Loaded ${count} items`);
      },
    );
  }
}
