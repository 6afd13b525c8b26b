/**
 * The shell at a terminal, using node:readline.
 *
 * readline stays open while a command runs. That keeps the terminal in raw mode, so Ctrl-C reaches the shell as a key,
 * and does not reach the other processes of the group.
 */

import { createInterface, type Interface } from "node:readline";
import { counted } from "fastkv-cli/kit/counted";
import { CommandFailure, Interrupted, printError } from "fastkv-cli/kit/failure";
import { paint } from "fastkv-cli/kit/style";
import { parseLine, type Word } from "../text/line.js";
import { complete } from "./completion.js";
import { executeWords } from "./execute.js";
import { type History, isKept, maxHistoryLines } from "./history.js";
import type { Session } from "./session.js";
import type { TypedInput } from "./typed-input.js";

const continuationPrompt = "> ";

export class TerminalShell {
  readonly #session: Session;
  readonly #input: TypedInput;
  readonly #history: History | undefined;
  readonly #readline: Interface;
  /** The line that was entered but not yet taken. */
  #line: string | undefined;
  /** The lines entered so far of a command whose quotes are still open. */
  #pending = "";
  #running: AbortController | undefined;
  #closed = false;
  #wake: () => void = () => {};

  constructor(session: Session, input: TypedInput, history: History | undefined) {
    this.#session = session;
    this.#input = input;
    this.#history = history;
    this.#readline = createInterface({
      input,
      output: process.stdout,
      terminal: true,
      historySize: maxHistoryLines,
      history: history?.load() ?? [],
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        complete(session.db, this.#pending + line).then(
          (result) => done(null, result),
          () => done(null, [[], line]),
        );
      },
    });
  }

  /** Runs until `exit`, Ctrl-D, or `stop` is aborted (by a signal from outside). */
  async run(stop: AbortSignal): Promise<void> {
    const readline = this.#readline;
    readline.on("line", (line) => {
      this.#line = line;
      this.#wake();
    });
    readline.on("SIGINT", () => this.#interrupt());
    // After Ctrl-Z and `fg` readline draws the line again, but pauses its input.
    readline.on("SIGCONT", () => readline.resume());
    readline.on("history", (lines) => this.#keep(lines));
    readline.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
    const close = (): void => {
      this.#running?.abort(new Interrupted());
      readline.close();
    };
    stop.addEventListener("abort", close, { once: true });
    while (!this.#session.ended) {
      const words = await this.#nextCommand();
      if (words === undefined) {
        process.stdout.write("\n");
        break;
      }
      await this.#execute(words);
    }
    readline.close();
    this.#input.destroy();
    const unwritten = this.#session.batch?.operations.length ?? 0;
    if (unwritten > 0) {
      printError(
        new CommandFailure(`The batch was not ended: ${counted(unwritten, "operation")} not written`),
      );
    }
  }

  /** Returns a whole command: lines are joined while their quotes are open. Undefined at the end of the input. */
  async #nextCommand(): Promise<Word[] | undefined> {
    while (!this.#closed) {
      // The prompt releases a waiting line immediately, so the promise is created first.
      const entered = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#prompt();
      await entered;
      if (this.#line === undefined) {
        continue;
      }
      const text = this.#pending + this.#line;
      this.#line = undefined;
      const { words, open } = parseLine(text);
      if (open === undefined) {
        this.#pending = "";
        return words;
      }
      this.#pending = `${text}\n`;
    }
    return undefined;
  }

  #prompt(): void {
    this.#readline.setPrompt(this.#pending === "" ? this.#session.prompt : continuationPrompt);
    this.#readline.prompt(true);
    this.#input.open();
  }

  async #execute(words: readonly Word[]): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    try {
      await executeWords(this.#session, words, running.signal);
    } catch (error) {
      if (running.signal.aborted) {
        process.stderr.write(`${paint(process.stderr, "yellow", "Interrupted")}\n`);
      } else {
        printError(error);
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** Ctrl-C: stops the running command; at the prompt it drops the line. It never leaves the shell. */
  #interrupt(): void {
    if (this.#running) {
      this.#running.abort(new Interrupted());
      return;
    }
    if (this.#line !== undefined) {
      // Ctrl-C came in the same chunk as the line: the line must not run, and the next prompt comes without further
      // action.
      this.#line = undefined;
      this.#pending = "";
      return;
    }
    const idle = this.#readline.line === "" && this.#pending === "";
    process.stdout.write(`^C\n${idle ? "To leave, press Ctrl-D or type exit\n" : ""}`);
    this.#clearLine();
    this.#pending = "";
    this.#prompt();
  }

  #clearLine(): void {
    const readline = this.#readline as Interface & { line: string; cursor: number };
    readline.line = "";
    readline.cursor = 0;
  }

  /** readline has added a line to its history: add it to ours too, or remove it from there. */
  #keep(lines: string[]): void {
    const newest = lines[0];
    if (newest === undefined) {
      return;
    }
    if (!isKept(newest)) {
      lines.shift();
      return;
    }
    try {
      this.#history?.append(newest);
    } catch (error) {
      printError(error);
    }
  }
}
