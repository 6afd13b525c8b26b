/** Describes a command of the shell and its arguments. */

import { CommandFailure } from "fastkv-cli/kit/failure";
import type { Key } from "../text/key.js";
import type { Word, WordValue } from "../text/line.js";
import { type Arguments, type OptionKind, parseArguments } from "./options.js";
import type { Session } from "./session.js";

/** What Tab completes at a position in the line. */
export type CompletionKind = "command" | "key" | "file" | readonly string[];

export interface ShellCommand {
  name: string;
  /** As shown by `help`: `put KEY VALUE [--ttl TIME]`. */
  usage: string;
  summary: string;
  /** More lines for `help NAME`. */
  details?: string;
  options?: Record<string, OptionKind>;
  /** The least and the greatest number of words after the name. */
  words: readonly [number, number];
  /** For each word after the name; the last entry also applies to all further words. */
  completes?: readonly CompletionKind[];
  run(session: Session, args: CommandArguments, signal: AbortSignal): Promise<void>;
}

/** The words and options of one call, checked against the command's description. */
export class CommandArguments {
  readonly #words: readonly Word[];
  readonly #options: Map<string, string | true>;

  private constructor({ words, options }: Arguments) {
    this.#words = words;
    this.#options = options;
  }

  static parse(command: ShellCommand, given: readonly Word[]): CommandArguments {
    const args = parseArguments(given, command.options ?? {});
    const [least, most] = command.words;
    if (args.words.length < least) {
      throw new CommandFailure(`Usage: ${command.usage}`);
    }
    if (args.words.length > most) {
      throw new CommandFailure(
        `Too many words for ${command.name}. Usage: ${command.usage}` +
          (most > 0 ? ". Put a word with spaces into single quotes" : ""),
      );
    }
    return new CommandArguments(args);
  }

  word(index: number): WordValue | undefined {
    return this.#words[index]?.value;
  }

  /** The word as it was typed, including quotes. */
  raw(index: number): string | undefined {
    return this.#words[index]?.raw;
  }

  key(index: number): Key {
    return this.#words[index]!.value;
  }

  /** A word that must be text, such as a file name. */
  text(index: number): string | undefined {
    const value = this.word(index);
    if (value !== undefined && typeof value !== "string") {
      throw new CommandFailure("This word must be text, not bytes");
    }
    return value;
  }

  flag(name: string): boolean {
    return this.#options.get(name) === true;
  }

  option(name: string): string | undefined {
    const value = this.#options.get(name);
    return typeof value === "string" ? value : undefined;
  }
}

/** Parses a limit that a user typed. */
export function parseLimit(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new CommandFailure(`"${text}" is no limit: give a whole number, 0 or more`);
  }
  return Number(text);
}

/** Waits for work that cannot be stopped itself, but stops waiting at Ctrl-C. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = rejection();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => {});
  }
}

function rejection(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  promise.catch(() => {});
  return { promise, reject };
}
