/**
 * Errors that oclif throws, such as wrong arguments or "command not found": printed on one plain line, like all others.
 */

import { Config, Errors, Help } from "@oclif/core";
import { printError } from "./kit/failure.js";

type OclifError = Error & {
  oclif: object;
  suggestions?: string[];
  showHelp?: boolean;
  skipOclifErrorHandling?: boolean;
};

export function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && "oclif" in error;
}

/** Prints the error, with the usage if oclif would show it, and ends the process with oclif's exit code. */
export async function leaveWithUsageError(error: OclifError, argv: string[], program: string): Promise<void> {
  // A command that leaves by `this.exit()` has no message.
  if (!(error instanceof Errors.ExitError)) {
    error.message = inOneLine(error);
    printError(error);
    if (error.showHelp) {
      await showUsage(argv, program);
    }
  }
  // oclif would print the error in a frame, wrapped to 80 characters even if the output is a file.
  error.skipOclifErrorHandling = true;
  await Errors.handle(error);
}

async function showUsage(argv: string[], program: string): Promise<void> {
  const config = await Config.load(program);
  const help = new Help(config, { sections: ["flags", "usage", "arguments"], sendToStderr: true });
  process.stderr.write("\n");
  await help.showHelp(argv);
}

function inOneLine({ message, suggestions = [] }: OclifError): string {
  return (
    [message, ...suggestions.map((text) => `Try this: ${text}`)]
      .join("\n")
      // Every command needs a path, and scripts should not have to repeat it.
      .replace("Missing required flag path", "$& (--path DIR, or set FASTKV_PATH)")
      .replace("The following error occurred:", "")
      .trim()
      .replace(/([.:]?)\s*\n\s*/g, (_, mark: string) => `${mark || "."} `)
  );
}
