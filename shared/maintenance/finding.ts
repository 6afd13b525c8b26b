/** What an examination of a database's files finds. Plain data: it crosses process boundaries and is printed as JSON. */

import { type ByteString, bytesOf, excerpt } from "../bytes.js";
import { type FastKVError, invariant } from "../errors.js";

export interface Finding {
  /** "damage": something is wrong. "note": worth knowing, and no fault (a torn tail after a crash, a file left over). */
  severity: "damage" | "note";
  /** Relative to the database's folder, with `/`. */
  file: string;
  /** In bytes from the start of the file; absent where the file as a whole is meant. */
  offset?: number;
  /** The shard whose file it is; absent for files of the whole database. */
  shard?: number;
  message: string;
  /** Keys that are concerned lie between these two, both included. Escaped, and cut after 40 characters. */
  keys?: { from: string; to: string };
}

/** More of them are counted and left out. For each shard, and for what is common to all. */
export const maxFindings = 200;

export interface FindingPlace {
  offset?: number | undefined;
  keys?: { from: ByteString; to: ByteString } | undefined;
}

/** Gathers findings about the files of one folder. */
export class Findings {
  readonly list: Finding[] = [];
  damages = 0;
  unlisted = 0;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #shard: number | undefined;

  /** `folder` is absolute; `prefix` is what it is called within the database's folder, with a `/`, or "". */
  constructor(folder: string, prefix: string, shard: number | undefined) {
    this.#folder = folder;
    this.#prefix = prefix;
    this.#shard = shard;
  }

  damage(name: string, message: string, place: FindingPlace = {}): void {
    this.damages += 1;
    this.#add("damage", name, message, place);
  }

  note(name: string, message: string, place: FindingPlace = {}): void {
    this.#add("note", name, message, place);
  }

  /** Takes an error that says where a file of the folder is damaged; any other is thrown again. */
  damageOf(error: unknown, keys?: FindingPlace["keys"]): void {
    const place = (error as FastKVError).damage;
    if (place === undefined) {
      throw error;
    }
    invariant(
      place.path.startsWith(`${this.#folder}/`),
      "a damaged file lies in the folder that is examined",
    );
    this.damage(place.path.slice(this.#folder.length + 1), place.what, { offset: place.offset, keys });
  }

  #add(severity: Finding["severity"], name: string, message: string, { offset, keys }: FindingPlace): void {
    if (this.list.length >= maxFindings) {
      this.unlisted += 1;
      return;
    }
    this.list.push({
      severity,
      file: `${this.#prefix}${name}`,
      ...(offset === undefined ? {} : { offset }),
      ...(this.#shard === undefined ? {} : { shard: this.#shard }),
      message,
      ...(keys === undefined
        ? {}
        : { keys: { from: excerpt(bytesOf(keys.from)), to: excerpt(bytesOf(keys.to)) } }),
    });
  }
}
