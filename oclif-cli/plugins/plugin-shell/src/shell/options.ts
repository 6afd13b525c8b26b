/** Options and words of one shell command. Only words that begin with `--` are options, so `put n -5` needs no care. */

import { CommandFailure } from "fastkv-cli/kit/failure";
import type { WordValue } from "../text/line.js";

export type OptionKind = "flag" | "text";

export interface Arguments {
  words: WordValue[];
  options: Map<string, string | true>;
}

/** @throws CommandFailure for an option that the command does not know, or one without its value */
export function parseArguments(values: readonly WordValue[], known: Record<string, OptionKind>): Arguments {
  const words: WordValue[] = [];
  const options = new Map<string, string | true>();
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value === "--") {
      words.push(...values.slice(index + 1));
      break;
    }
    if (typeof value !== "string" || !value.startsWith("--")) {
      words.push(value);
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
    const argument = equals === -1 ? values[++index] : value.slice(equals + 1);
    if (typeof argument !== "string") {
      throw new CommandFailure(`--${name} needs a value`);
    }
    options.set(name, argument);
  }
  return { words, options };
}
