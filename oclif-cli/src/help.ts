/** oclif's help, with a guess where the command that it should explain does not exist. */

import { Errors, Help } from "@oclif/core";
import { commandHint } from "./kit/command-hint.js";

// oclif wants the default export.
export default class FastKVHelp extends Help {
  override async showHelp(argv: string[]): Promise<void> {
    try {
      await super.showHelp(argv);
    } catch (error) {
      const subject = argv.filter((word) => !word.startsWith("-") && word !== "help");
      const hint = await commandHint(subject, this.config);
      if (error instanceof Errors.CLIError && hint !== undefined) {
        error.message += ` ${hint}`;
      }
      throw error;
    }
  }
}
