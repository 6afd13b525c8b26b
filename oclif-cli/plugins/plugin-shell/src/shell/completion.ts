/** Tab completion: commands, keys by prefix, file names, and a few fixed words. */

import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { FastKV } from "fastkv";
import { type Key, keyFromBytes, quoteKeyAs } from "../text/key.js";
import { parseLine, type Quote, type Word } from "../text/line.js";
import type { CompletionKind, ShellCommand } from "./command.js";
import { findCommand, shellCommands } from "./registry.js";

const maxShownKeys = 100;

/** The form that readline expects: the candidates, and the end of the line that they replace. */
export type Completion = [candidates: string[], replaced: string];

interface Target {
  kind: CompletionKind;
  /** The text so far, without quotes. */
  prefix: string;
  quote: Quote | undefined;
  /** The same as typed in the line. */
  raw: string;
}

export async function complete(db: Pick<FastKV, "keys">, line: string): Promise<Completion> {
  const target = findTarget(line);
  if (!target) {
    return [[], line];
  }
  const { kind, prefix, raw, quote } = target;
  if (kind === "key") {
    return [await keyCandidates(db, prefix, quote), raw];
  }
  if (kind === "file") {
    return [await fileCandidates(prefix, quote), raw];
  }
  const names = kind === "command" ? shellCommands.map((command) => command.name) : kind;
  return [names.filter((name) => name.startsWith(prefix)).map((name) => `${name} `), raw];
}

/** Finds the word at the cursor, and what belongs there. */
export function findTarget(line: string): Target | undefined {
  const parsed = parseLine(line);
  const word = parsed.endsInWord ? parsed.words.at(-1)! : undefined;
  const prefix = word?.value ?? "";
  if (typeof prefix !== "string" || isComment(line)) {
    return undefined;
  }
  const raw = word?.raw ?? "";
  const quote = quoteOf(raw);
  const before = word ? parsed.words.slice(0, -1) : parsed.words;
  if (before.length === 0) {
    return { kind: "command", prefix, quote, raw };
  }
  const command = typeof before[0]!.value === "string" ? findCommand(before[0]!.value) : undefined;
  const kind = command && kindAt(command, before, prefix);
  return kind === undefined ? undefined : { kind, prefix, quote, raw };
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith("#");
}

/** A word that begins with a quote is completed within that quote. */
function quoteOf(raw: string): Quote | undefined {
  if (raw.startsWith("$'")) {
    return "$'";
  }
  return raw.startsWith("'") || raw.startsWith('"') ? (raw[0] as Quote) : undefined;
}

function kindAt(command: ShellCommand, before: readonly Word[], prefix: string): CompletionKind | undefined {
  const options = command.options ?? {};
  if (prefix.startsWith("--")) {
    return Object.keys(options).map((name) => `--${name}`);
  }
  let position = 0;
  for (let index = 1; index < before.length; index++) {
    const value = before[index]!.value;
    if (typeof value === "string" && value.startsWith("--") && value !== "--") {
      const takesValue = options[value.slice(2)] === "text";
      if (takesValue && index === before.length - 1) {
        return optionValues(value.slice(2));
      }
      index += takesValue ? 1 : 0;
    } else {
      position++;
    }
  }
  return command.completes?.[Math.min(position, command.completes.length - 1)];
}

function optionValues(name: string): CompletionKind | undefined {
  if (name === "encoding") {
    return ["json", "msgpack", "structured", "binary"];
  }
  return ["gt", "gte", "lt", "lte", "prefix"].includes(name) ? "key" : undefined;
}

/**
 * Up to a hundred keys. If there are more, the very last one is added, so that what readline fills in (the beginning
 * that all candidates share) also fits the keys that are not shown.
 */
async function keyCandidates(
  db: Pick<FastKV, "keys">,
  prefix: string,
  quote: Quote | undefined,
): Promise<string[]> {
  const options = { prefix, keyEncoding: "binary" } as const;
  const first = await db.keys({ ...options, limit: maxShownKeys + 1 }).toArray();
  const keys: Key[] = first.slice(0, maxShownKeys).map(keyFromBytes);
  if (first.length > maxShownKeys) {
    keys.push(...(await db.keys({ ...options, limit: 1, reverse: true }).toArray()).map(keyFromBytes));
  }
  const quoted = keys.map((key) => quoteKeyAs(key, quote));
  return quoted.length === 1 ? [`${quoted[0]} `] : quoted;
}

async function fileCandidates(prefix: string, quote: Quote | undefined): Promise<string[]> {
  const slash = prefix.lastIndexOf("/") + 1;
  const folder = prefix.slice(0, slash);
  const begun = prefix.slice(slash);
  const place = folder.startsWith("~/") ? join(homedir(), folder.slice(2)) : folder || ".";
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.name.startsWith(begun) && (begun !== "" || !entry.name.startsWith(".")))
    .map((entry) => {
      const quoted = quoteKeyAs(folder + entry.name, quote);
      return entry.isDirectory() ? openEnded(quoted, quote) : `${quoted} `;
    });
}

/** A folder's name stays open, so that the next Tab continues in it. */
function openEnded(quoted: string, quote: Quote | undefined): string {
  return quote === undefined ? `${quoted}/` : `${quoted.slice(0, -1)}/`;
}
