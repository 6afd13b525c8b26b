import { join } from "node:path";
import { Command, Flags } from "@oclif/core";
import { exitCode, Interrupted } from "fastkv-cli/kit/failure";
import {
  durabilityFlag,
  encodingFlag,
  noCreateFlag,
  pathFlag,
  shardsFlag,
  sharedFolderFlag,
} from "fastkv-cli/kit/flags";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { openDatabase } from "fastkv-cli/kit/open-database";
import type { TypedInput } from "../shell/typed-input.js";

export default class Shell extends Command {
  static override description = "Work with a database by hand, or run commands from a file.";
  static override examples = [
    "<%= config.bin %> shell --path ./my_database",
    "<%= config.bin %> shell --path ./my_database < commands.txt",
  ];
  static override flags = {
    path: pathFlag,
    "allow-shared-folder": sharedFolderFlag,
    shards: shardsFlag,
    durability: durabilityFlag,
    encoding: encodingFlag,
    "no-create": noCreateFlag,
    "keep-going": Flags.boolean({ description: "with piped input: go on after an error" }),
    history: Flags.boolean({
      description: "keep what is typed in a file that only you can read",
      allowNo: true,
      default: true,
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Shell);
    const db = await openDatabase(flags.path, {
      shards: flags.shards,
      durability: flags.durability,
      encoding: flags.encoding,
      create: !flags["no-create"],
      allowSharedFolder: flags["allow-shared-folder"],
    });
    process.stdout.write(`Database opened at ${flags.path}\n`);
    const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
    const { Session } = await import("../shell/session.js");
    const input = interactive ? await typedInput() : undefined;
    const session = new Session({
      path: flags.path,
      db,
      interactive,
      ...(input ? { keyPressed: (signal: AbortSignal) => input.nextKey(signal) } : {}),
    });
    try {
      await interruptible(async (signal) => {
        if (input) {
          const { TerminalShell } = await import("../shell/terminal-shell.js");
          const { History } = await import("../shell/history.js");
          const history = flags.history ? new History(join(this.config.dataDir, "shell-history")) : undefined;
          await new TerminalShell(session, input, history).run(signal);
        } else {
          const { runScript } = await import("../shell/script-shell.js");
          process.exitCode = await runScript(session, process.stdin, {
            keepGoing: flags["keep-going"],
            signal,
          });
        }
      });
      if (process.exitCode === undefined || process.exitCode === exitCode.ok) {
        process.stdout.write("Goodbye!\n");
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) {
        throw error;
      }
      process.exitCode = error.exitCode;
    } finally {
      await session.releaseSnapshot();
      await db.close();
    }
    if (!process.exitCode) {
      process.stdout.write("Database closed\n");
    }
  }
}

async function typedInput(): Promise<TypedInput> {
  const { TypedInput } = await import("../shell/typed-input.js");
  return new TypedInput(process.stdin);
}
