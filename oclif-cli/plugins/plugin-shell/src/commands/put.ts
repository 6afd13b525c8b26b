import { isUtf8 } from "node:buffer";
import { buffer } from "node:stream/consumers";
import { Args, Command } from "@oclif/core";
import { CommandFailure, exitCode } from "fastkv-cli/kit/failure";
import {
  durabilityFlag,
  durationFlag,
  encodingFlag,
  pathFlag,
  shardsFlag,
  sharedFolderFlag,
} from "fastkv-cli/kit/flags";
import { base64KeyFlag, keyArgument } from "../key-argument.js";
import { withDatabase } from "../one-shot.js";
import { doubtAbout, encodingFor, parseValue } from "../text/value.js";

export default class Put extends Command {
  static override description = [
    "Store a value under a key. A value that is JSON is stored as what it says, anything else as a string.",
    "Without VALUE, or with -, the value is read from stdin; with --encoding binary, byte for byte.",
  ].join("\n");
  static override examples = [
    `<%= config.bin %> put user:1001 '{"name": "Alice"}' --path ./my_database`,
    "<%= config.bin %> put picture --encoding binary --path ./my_database < picture.png",
  ];
  static override args = {
    key: Args.string({ required: true, description: "the key" }),
    value: Args.string({ description: "the value; - or nothing: read it from stdin", ignoreStdin: true }),
  };
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    shards: shardsFlag,
    durability: durabilityFlag,
    encoding: encodingFlag,
    ttl: durationFlag({ description: "the key is gone after this time: 1500 (ms), 90s, 5m, 2h, 7d" }),
    "base64-key": base64KeyFlag,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Put);
    const key = keyArgument(args.key, flags["base64-key"]);
    const word =
      args.value === undefined || args.value === "-" ? await readStdin(flags.encoding) : args.value;
    const value = parseValue(word, flags.encoding);
    const encoding = encodingFor(value, flags.encoding);
    const { path, shards, durability, ttl } = flags;
    await withDatabase(
      path,
      { shards, durability, allowSharedFolder: flags["allow-shared-folder"] },
      async ({ db, output }) => {
        await db.put(key, value, {
          ...(encoding ? { encoding } : {}),
          ...(ttl === undefined ? {} : { ttl }),
        });
        output.say("OK");
        const doubt = doubtAbout(word, value);
        if (doubt !== undefined) {
          process.stderr.write(`${doubt}\n`);
        }
      },
    );
  }
}

/** Reads text without the line end that `echo` adds; for encoding "binary", all bytes. */
async function readStdin(encoding: string | undefined): Promise<string | Uint8Array> {
  const bytes = await buffer(process.stdin);
  if (encoding === "binary") {
    return new Uint8Array(bytes);
  }
  if (bytes.length === 0) {
    throw new CommandFailure("There is no value: give one, or send it on stdin. An empty string is '\"\"'", {
      exitCode: exitCode.unusable,
    });
  }
  if (!isUtf8(bytes)) {
    throw new CommandFailure("The value on stdin is not UTF-8. Store it with --encoding binary");
  }
  return bytes.toString("utf8").replace(/\r?\n$/, "");
}
