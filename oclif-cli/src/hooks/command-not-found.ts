/** At a terminal, plugin-not-found asks "Did you mean ...?". In a script nobody can answer: there we only say it. */

import type { Hook } from "@oclif/core";
import { escapeControls } from "../kit/escape.js";
import { nearestName } from "../kit/nearest.js";

const commandNotFound: Hook<"command_not_found"> = async ({ id, config }) => {
  if (process.stdin.isTTY) {
    return;
  }
  const names = config.commands.filter((command) => !command.hidden).map((command) => command.id);
  const nearest = nearestName(id, names) ?? nearestName(id.split(":")[0]!, names);
  if (nearest !== undefined) {
    process.stderr.write(`Did you mean ${escapeControls(nearest.replaceAll(":", " "))}?\n`);
  }
};

export default commandNotFound;
