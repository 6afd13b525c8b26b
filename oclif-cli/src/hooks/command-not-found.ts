/** At a terminal, plugin-not-found asks "Did you mean ...?". In a script nobody can answer: there we only say it. */

import type { Hook } from "@oclif/core";
import { guessOf } from "../kit/nearest-command.js";

const commandNotFound: Hook<"command_not_found"> = async ({ id, config }) => {
  if (process.stdin.isTTY) {
    return;
  }
  const guess = guessOf(id, config);
  if (guess !== undefined) {
    process.stderr.write(`${guess}\n`);
  }
};

export default commandNotFound;
