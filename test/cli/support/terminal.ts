/** The command `fastkv`, or another one, in a real pseudo-terminal, with a terminal emulator that knows what stands on the screen. */

import { setTimeout as delay } from "node:timers/promises";
import pty, { type IPty } from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { cliEnvironment, cliProgram } from "./cli.js";

const waitMs = 15_000;

const running = new Set<TestTerminal>();

export class TestTerminal {
  readonly #pty: IPty;
  readonly #screen: xterm.Terminal;
  /** Everything that was written, escape sequences and all. */
  raw = "";
  /** The exit code; of a program that a signal ended 128 and its number, as shells say it. */
  readonly exited: Promise<number>;

  constructor(
    folder: string,
    args: readonly string[],
    env: Record<string, string> = {},
    [file, ...first]: readonly [string, ...string[]] = [process.execPath, cliProgram],
  ) {
    const size = { cols: 100, rows: 40 };
    this.#screen = new xterm.Terminal({ ...size, allowProposedApi: true, scrollback: 1_000 });
    this.#pty = pty.spawn(file, [...first, ...args], {
      ...size,
      name: "xterm-256color",
      cwd: folder,
      env: cliEnvironment(folder, { TERM: "xterm-256color", ...env }),
    });
    this.#pty.onData((data) => {
      this.raw += data;
      this.#screen.write(data);
    });
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        running.delete(this);
        resolve(signal ? 128 + signal : exitCode);
      });
    });
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  /** Waits until the program, which must be at its prompt, has heard of it and drawn its line anew. */
  async resize(columns: number, rows: number): Promise<void> {
    const before = this.raw.length;
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
    await this.#until(
      () => this.raw.indexOf("\x1b[0J", before) >= 0,
      () => "The terminal's program did not draw its line anew",
    );
  }

  /** Wipes the screen and what was above it. */
  async clear(): Promise<void> {
    await new Promise<void>((resolve) => this.#screen.write("\x1b[2J\x1b[3J\x1b[H", resolve));
    this.raw = "";
  }

  /** For a test that failed half-way: no program may keep the tests from ending. */
  static killAll(): void {
    for (const terminal of running) {
      terminal.kill("SIGKILL");
    }
  }

  /** The window is closed: the terminal is gone, and the programs in it get SIGHUP, some of them twice. */
  hangUp(): void {
    // The package's types leave it out.
    (this.#pty as IPty & { destroy(): void }).destroy();
  }

  /** A signal to the program itself. */
  kill(signal: string): void {
    this.#pty.kill(signal);
  }

  /** The lines on the screen and above it, without blank ones at the end. */
  lines(): string[] {
    const buffer = this.#screen.buffer.active;
    const lines: string[] = [];
    for (let index = 0; index < buffer.length; index++) {
      const line = buffer.getLine(index)!;
      const text = line.translateToString(true).trimEnd();
      if (line.isWrapped && lines.length > 0) {
        lines[lines.length - 1] += text;
      } else {
        lines.push(text);
      }
    }
    while (lines.at(-1) === "") {
      lines.pop();
    }
    return lines;
  }

  text(): string {
    return this.lines().join("\n");
  }

  /** Waits until the screen shows it. */
  async shows(expected: string | RegExp | ((text: string) => boolean)): Promise<void> {
    const found = (): boolean => {
      const text = this.text();
      return typeof expected === "function"
        ? expected(text)
        : typeof expected === "string"
          ? text.includes(expected)
          : expected.test(text);
    };
    await this.#until(found, () => `The terminal did not show ${expected}`);
  }

  async #until(done: () => boolean, complaint: () => string): Promise<void> {
    for (let waitedMs = 0; !done(); waitedMs += 20) {
      if (waitedMs > waitMs) {
        throw new Error(`${complaint()}, but:\n${this.text()}`);
      }
      await delay(20);
    }
  }

  /** Types a command at the prompt and waits for the next prompt. */
  async command(line: string): Promise<void> {
    const prompts = this.#prompts();
    this.type(`${line}\r`);
    await this.shows(() => this.#prompts() > prompts && /^(fastkv.*)?>$/.test(this.lines().at(-1)!));
  }

  #prompts(): number {
    return this.lines().filter((line) => /^fastkv(\(\w+\))?>/.test(line)).length;
  }
}
