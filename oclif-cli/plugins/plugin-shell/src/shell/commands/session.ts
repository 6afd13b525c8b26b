/** help, time, exit, quit. */

import { CommandFailure } from "fastkv-cli/kit/failure";
import { paint } from "fastkv-cli/kit/style";
import { wrapText } from "fastkv-cli/kit/wrap-text";
import type { ShellCommand } from "../command.js";
import { findCommand, shellCommands } from "../registry.js";
import { unknownCommand } from "../unknown-command.js";

const help: ShellCommand = {
  name: "help",
  usage: "help [COMMAND]",
  summary: "list the commands, or explain one",
  words: [0, 1],
  completes: ["command", []],
  async run(session, args) {
    const name = args.text(0);
    if (name === undefined) {
      const width = Math.max(...shellCommands.map((command) => command.name.length));
      const indent = " ".repeat(width + 2);
      for (const command of shellCommands) {
        const [first, ...rest] = wrapText(command.summary, columns() - indent.length);
        session.output.say(`${bold(command.name)}${indent.slice(command.name.length)}${first}`);
        for (const line of rest) {
          session.output.say(indent + line);
        }
      }
      const advice = "Quote words as in a Unix shell. Ctrl-C stops a command, Ctrl-D leaves, Tab completes.";
      session.output.say(`\n${wrapText(advice, columns()).join("\n")}`);
      return;
    }
    const command = findCommand(name);
    if (!command) {
      throw new CommandFailure(unknownCommand(name, shellCommands));
    }
    session.output.say(bold(command.usage));
    session.output.say(command.summary);
    if (command.details) {
      session.output.say(`\n${command.details}`);
    }
  },
};

/** The width of the terminal; unlimited for a pipe. */
function columns(): number {
  return process.stdout.columns || Number.POSITIVE_INFINITY;
}

function bold(text: string): string {
  return paint(process.stdout, "bold", text);
}

const time: ShellCommand = {
  name: "time",
  usage: "time on|off",
  summary: "show how long each command takes",
  words: [1, 1],
  completes: [["on", "off"], []],
  async run(session, args) {
    const value = args.text(0);
    if (value !== "on" && value !== "off") {
      throw new CommandFailure("Usage: time on|off");
    }
    session.timing = value === "on";
    session.output.say("OK");
  },
};

const exit: ShellCommand = {
  name: "exit",
  usage: "exit",
  summary: "close the database and leave",
  words: [0, 0],
  async run(session) {
    session.ended = true;
  },
};

const quit: ShellCommand = { ...exit, name: "quit", usage: "quit" };

export const sessionCommands: readonly ShellCommand[] = [help, time, exit, quit];
