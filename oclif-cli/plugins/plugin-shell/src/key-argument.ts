/** Keys on a command line: text, or bytes as base64, because an argument cannot hold every byte. */

import { Flags } from "@oclif/core";
import { CommandFailure, exitCode } from "fastkv-cli/kit/failure";
import type { Key } from "./text/key.js";

export const base64KeyFlag = Flags.boolean({
  description: "KEY is given in base64, for keys that are not text",
});

export function keyArgument(text: string, base64: boolean): Key {
  if (!base64) {
    return text;
  }
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) {
    throw new CommandFailure(`"${text}" is no base64`, { exitCode: exitCode.unusable });
  }
  return new Uint8Array(bytes);
}
