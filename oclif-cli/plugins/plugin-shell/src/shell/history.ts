/**
 * The shell's history: a file that only its owner can read, one entry per line. Each line is appended when it is
 * entered, so that two shells do not overwrite each other's. Lines that begin with whitespace are not kept.
 */

import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export const maxHistoryLines = 2_000;
const fileMode = 0o600;

export class History {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Returns the newest first, as readline expects. Shortens a file that has grown long. */
  load(): string[] {
    let lines: string[];
    try {
      chmodSync(this.#file, fileMode);
      lines = readFileSync(this.#file, "utf8").split("\n").filter(Boolean);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return [];
      }
      throw error;
    }
    if (lines.length > 2 * maxHistoryLines) {
      const temporary = `${this.#file}.${process.pid}`;
      writeFileSync(temporary, `${lines.slice(-maxHistoryLines).join("\n")}\n`, { mode: fileMode });
      renameSync(temporary, this.#file);
    }
    return lines.slice(-maxHistoryLines).reverse();
  }

  append(line: string): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    appendFileSync(this.#file, `${line}\n`, { mode: fileMode });
  }
}

/** Leading whitespace means: do not keep this line. */
export function isKept(line: string): boolean {
  return line.trim() !== "" && !/^\s/.test(line) && !line.includes("\n");
}
