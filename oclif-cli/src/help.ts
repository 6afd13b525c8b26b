/** oclif's help, but with the program's own message for a command that does not exist. */

import { Errors, Help } from "@oclif/core";
import { unknownCommand } from "./kit/unknown-command.js";

// oclif needs the default export.
export default class FastKVHelp extends Help {
  override async showHelp(argv: string[]): Promise<void> {
    try {
      await super.showHelp(argv);
    } catch (error) {
      if (!(error instanceof Errors.CLIError && /^Command .* not found\.$/s.test(error.message))) {
        throw error;
      }
      const subject = argv.filter((word) => !word.startsWith("-") && word !== "help");
      throw await unknownCommand(subject, this.config);
    }
  }
}
