import { join } from "node:path";
import { Command, Flags } from "@oclif/core";
import { exitCode } from "fastkv-cli/kit/failure";
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
import type { Session } from "../shell/session.js";
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
    await interruptible(async (signal) => {
      try {
        const code = await this.#serve(session, input, flags, signal);
        process.exitCode ||= code;
        if (!process.exitCode) {
          process.stdout.write("Goodbye!\n");
        }
      } finally {
        await session.releaseSnapshot();
        await db.close();
      }
    });
    if (!process.exitCode) {
      process.stdout.write("Database closed\n");
    }
  }

  /** Runs until the commands end, or `signal` is aborted. @returns the exit code */
  async #serve(
    session: Session,
    input: TypedInput | undefined,
    flags: { history: boolean; "keep-going": boolean },
    signal: AbortSignal,
  ): Promise<number> {
    if (!input) {
      const { runScript } = await import("../shell/script-shell.js");
      return runScript(session, process.stdin, { keepGoing: flags["keep-going"], signal });
    }
    const { TerminalShell } = await import("../shell/terminal-shell.js");
    const { History } = await import("../shell/history.js");
    const history = flags.history ? new History(join(this.config.dataDir, "shell-history")) : undefined;
    await new TerminalShell(session, input, history).run(signal);
    signal.throwIfAborted();
    return exitCode.ok;
  }
}

async function typedInput(): Promise<TypedInput> {
  const { TypedInput } = await import("../shell/typed-input.js");
  return new TypedInput(process.stdin);
}
