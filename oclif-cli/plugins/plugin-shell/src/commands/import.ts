import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Args, Command, Flags } from "@oclif/core";
import { counted } from "fastkv-cli/kit/counted";
import { describeError } from "fastkv-cli/kit/failure";
import { pathFlag, shardsFlag, sharedFolderFlag } from "fastkv-cli/kit/flags";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { openWithNotice } from "fastkv-cli/kit/open-database";
import { LineWriter } from "fastkv-cli/kit/output";
import { withScratchFolder } from "fastkv-cli/kit/scratch-folder";
import { type ImportRequest, sourceEncodings, sourceKinds } from "../import/request.js";
import { unusableSource } from "../import/source-failure.js";

export default class Import extends Command {
  static override description = [
    "Move in from another store: load a LevelDB, LMDB or SQLite database, which is only read.",
    "It is streamed, and may be larger than the memory. All of it is loaded, or nothing; keys that are there already get",
    "the values of the source. The package that reads the source (classic-level, lmdb, better-sqlite3) is not part of",
    "fastkv: install it in the folder that you work in. Node 22.13 and newer have SQLite built in.",
  ].join("\n");
  static override examples = [
    "<%= config.bin %> import --from leveldb ./old_level --path ./my_database --encoding json",
    "<%= config.bin %> import --from lmdb ./data.mdb --database users --prefix user: --path ./my_database",
    "<%= config.bin %> import --from sqlite ./app.db --table settings --key-column name --value-column value --path ./my_database",
  ];
  static override args = {
    source: Args.string({ required: true, description: "folder or file of the source", ignoreStdin: true }),
  };
  static override flags = {
    from: Flags.option({ required: true, description: "what the source is", options: sourceKinds })(),
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    shards: shardsFlag,
    encoding: Flags.option({
      description:
        "how the source's values are taken: bytes as they are, JSON text, UTF-8 text, lmdb's msgpack [default: binary; for sqlite by the type of each value]",
      options: sourceEncodings,
    })(),
    prefix: Flags.string({ description: "put this before every key", default: "" }),
    table: Flags.string({ description: "sqlite: the table, where there are several" }),
    "key-column": Flags.string({ description: "sqlite: the column with the keys" }),
    "value-column": Flags.string({ description: "sqlite: the column with the values" }),
    database: Flags.string({ description: "lmdb: the name of a database within the file" }),
    json: Flags.boolean({ description: "print the result as JSON" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Import);
    const request: Omit<ImportRequest, "scratchFolder"> = {
      from: flags.from,
      path: resolve(args.source),
      encoding: flags.encoding,
      table: flags.table,
      keyColumn: flags["key-column"],
      valueColumn: flags["value-column"],
      database: flags.database,
    };
    this.#checkFlags(flags);
    await stat(request.path).catch((error) => {
      throw unusableSource(`Cannot read ${args.source}: ${describeError(error)}`, error);
    });
    await interruptible((signal) =>
      withScratchFolder(undefined, "fastkv-import-", async (scratchFolder) => {
        const { SourceReader } = await import("../import/reader-process.js");
        const { importInto } = await import("../import/import-into.js");
        const reader = new SourceReader({ ...request, scratchFolder }, signal);
        try {
          // An unusable source must not leave an empty database behind.
          const sourceEntries = await reader.open();
          const { shards } = flags;
          await using db = await openWithNotice(flags.path, {
            shards,
            allowSharedFolder: flags["allow-shared-folder"],
          });
          const result = await importInto(db, reader, { sourceEntries, prefix: flags.prefix, signal });
          const output = new LineWriter(process.stdout);
          output.say(
            flags.json
              ? JSON.stringify(result)
              : `Imported ${counted(result.loaded, "entry", "entries")}: ${result.source} in the source, ${result.loaded} loaded, ${result.keys} in the database`,
          );
          await output.flush();
        } finally {
          await reader.close();
        }
      }),
    );
  }

  #checkFlags(flags: { from: string; [name: string]: unknown }): void {
    const kindOf = { table: "sqlite", "key-column": "sqlite", "value-column": "sqlite", database: "lmdb" };
    for (const [name, kind] of Object.entries(kindOf)) {
      if (flags[name] !== undefined && flags.from !== kind) {
        throw unusableSource(`--${name} is for --from ${kind}`);
      }
    }
    if (flags.encoding === "msgpack" && flags.from !== "lmdb") {
      throw unusableSource("--encoding msgpack is for --from lmdb, whose package writes it");
    }
  }
}
