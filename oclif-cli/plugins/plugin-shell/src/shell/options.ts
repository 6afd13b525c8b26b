/**
 * Options and words of one shell command. Only words that begin with `--` are options, so `put n -5` works as it is.
 */

import { CommandFailure } from "fastkv-cli/kit/failure";
import type { Word } from "../text/line.js";

export type OptionKind = "flag" | "text";

export interface Arguments {
  words: Word[];
  options: Map<string, string | true>;
}

/** @throws CommandFailure for an option that the command does not know, or one without its value */
export function parseArguments(given: readonly Word[], known: Record<string, OptionKind>): Arguments {
  const words: Word[] = [];
  const options = new Map<string, string | true>();
  for (let index = 0; index < given.length; index++) {
    const word = given[index]!;
    const { value } = word;
    if (value === "--") {
      words.push(...given.slice(index + 1));
      break;
    }
    if (typeof value !== "string" || !value.startsWith("--")) {
      words.push(word);
      continue;
    }
    const equals = value.indexOf("=");
    const name = equals === -1 ? value.slice(2) : value.slice(2, equals);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      throw new CommandFailure(`Unknown option --${name}. To use it as a plain word, put -- before it`);
    }
    if (kind === "flag") {
      if (equals !== -1) {
        throw new CommandFailure(`--${name} takes no value`);
      }
      options.set(name, true);
      continue;
    }
    const argument = equals === -1 ? given[++index]?.value : value.slice(equals + 1);
    if (typeof argument !== "string") {
      throw new CommandFailure(`--${name} needs a value`);
    }
    options.set(name, argument);
  }
  return { words, options };
}
