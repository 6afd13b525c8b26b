/**
 * The shell's grammar: splits a line into words as a POSIX shell does, without expansions.
 *
 *   - blanks separate words; a backslash takes the next character as it is
 *   - '...'   everything as it is
 *   - "..."   a backslash escapes " \ $ ` and a line end, and is itself otherwise
 *   - $'...'  \n \t \r \e \a \b \f \v \0 \\ \' \" \? \xHH (a byte) \uHHHH \UHHHHHHHH \NNN (octal, a byte)
 *   - a line whose first character is # is a comment
 *
 * There are no variables, globs, pipes or redirections: * $ | > & ; have no special meaning.
 */

import { isUtf8 } from "node:buffer";

/** Text, or bytes if `$'\xHH'` produced something that is not UTF-8. */
export type WordValue = string | Uint8Array;

export interface Word {
  value: WordValue;
  /** As typed in the line, including quotes. */
  raw: string;
}

export type Quote = "'" | '"' | "$'" | "\\";

export interface OpenQuote {
  quote: Quote;
  /** Its position in the line. */
  at: number;
}

export interface ParsedLine {
  words: Word[];
  /** What is still open at the end of the line: more input is needed. */
  open: OpenQuote | undefined;
  /** True if the line ends within a word. */
  endsInWord: boolean;
}

export function parseLine(line: string): ParsedLine {
  const words: Word[] = [];
  let at = 0;
  if (line.trimStart().startsWith("#")) {
    return { words, open: undefined, endsInWord: false };
  }
  for (;;) {
    while (isBlank(line[at])) {
      at++;
    }
    if (at >= line.length) {
      return { words, open: undefined, endsInWord: false };
    }
    const word = readWord(line, at);
    words.push({ value: word.value, raw: line.slice(at, word.end) });
    at = word.end;
    if (at >= line.length) {
      return { words, open: word.open, endsInWord: true };
    }
  }
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\n" || character === "\r";
}

interface ReadWord {
  value: WordValue;
  end: number;
  open: OpenQuote | undefined;
}

function readWord(line: string, start: number): ReadWord {
  const word = new WordBuilder();
  const openSince = (at: number, quote: Quote): ReadWord => ({
    value: word.value(),
    end: line.length,
    open: { quote, at },
  });
  let at = start;
  while (at < line.length) {
    const character = line[at]!;
    if (isBlank(character)) {
      break;
    }
    if (character === "\\") {
      if (at + 1 >= line.length) {
        return openSince(at, "\\");
      }
      if (line[at + 1] !== "\n") {
        word.text(line[at + 1]!);
      }
      at += 2;
    } else if (character === "'" || character === '"') {
      const end = character === "'" ? readSingle(line, at + 1, word) : readDouble(line, at + 1, word);
      if (end === undefined) {
        return openSince(at, character);
      }
      at = end;
    } else if (character === "$" && line[at + 1] === "'") {
      const end = readEscaped(line, at + 2, word);
      if (end === undefined) {
        return openSince(at, "$'");
      }
      at = end;
    } else {
      word.text(character);
      at++;
    }
  }
  return { value: word.value(), end: at, open: undefined };
}

/** Each reader returns the offset after the closing quote, or undefined if there is none. */
function readSingle(line: string, start: number, word: WordBuilder): number | undefined {
  const end = line.indexOf("'", start);
  word.text(end === -1 ? line.slice(start) : line.slice(start, end));
  return end === -1 ? undefined : end + 1;
}

function readDouble(line: string, start: number, word: WordBuilder): number | undefined {
  for (let at = start; at < line.length; at++) {
    const character = line[at]!;
    if (character === '"') {
      return at + 1;
    }
    const next = line[at + 1];
    if (character === "\\" && next !== undefined && '"\\$`\n'.includes(next)) {
      at++;
      if (next !== "\n") {
        word.text(next);
      }
    } else {
      word.text(character);
    }
  }
  return undefined;
}

const simpleEscapes: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  e: "\x1b",
  E: "\x1b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "?": "?",
};

const escapePattern = /x([\da-fA-F]{1,2})|u([\da-fA-F]{1,4})|U([\da-fA-F]{1,8})|([0-7]{1,3})/y;

function readEscaped(line: string, start: number, word: WordBuilder): number | undefined {
  let at = start;
  while (at < line.length) {
    const character = line[at]!;
    if (character === "'") {
      return at + 1;
    }
    const next = line[at + 1];
    if (character !== "\\" || next === undefined) {
      word.text(character);
      at++;
      continue;
    }
    const simple = simpleEscapes[next];
    escapePattern.lastIndex = at + 1;
    const match = simple === undefined ? escapePattern.exec(line) : null;
    if (simple !== undefined) {
      word.text(simple);
      at += 2;
    } else if (match) {
      addNumeric(word, match);
      at = escapePattern.lastIndex;
    } else {
      word.text(character + next);
      at += 2;
    }
  }
  return undefined;
}

function addNumeric(word: WordBuilder, match: RegExpExecArray): void {
  const [, byte, unit, point, octal] = match;
  if (byte !== undefined || octal !== undefined) {
    word.byte(byte === undefined ? Number.parseInt(octal!, 8) & 0xff : Number.parseInt(byte, 16));
  } else {
    const code = Number.parseInt((unit ?? point)!, 16);
    word.text(code <= 0x10_ffff ? String.fromCodePoint(code) : "\ufffd");
  }
}

/** Collects text and bytes. The result is text unless the bytes are not UTF-8. */
class WordBuilder {
  readonly #parts: Buffer[] = [];
  #text = "";

  text(text: string): void {
    this.#text += text;
  }

  byte(value: number): void {
    if (value < 0x80) {
      this.#text += String.fromCharCode(value);
      return;
    }
    this.#parts.push(Buffer.from(this.#text, "utf8"), Buffer.of(value));
    this.#text = "";
  }

  value(): WordValue {
    if (this.#parts.length === 0) {
      return this.#text;
    }
    const bytes = Buffer.concat([...this.#parts, Buffer.from(this.#text, "utf8")]);
    return isUtf8(bytes) ? bytes.toString("utf8") : new Uint8Array(bytes);
  }
}
