/**
 * The findings of an examination of a database's files. Plain data: they cross process boundaries and are printed as
 * JSON.
 */

import { type ByteString, bytesOf, excerpt } from "../bytes.js";
import { type FastKVError, invariant } from "../errors.js";

export interface Finding {
  /**
   * "damage": something is wrong. "note": worth knowing, but not a fault (a torn tail after a crash, a leftover file).
   */
  severity: "damage" | "note";
  /** Relative to the database's folder, with `/`. */
  file: string;
  /** In bytes from the start of the file; absent if the finding concerns the file as a whole. */
  offset?: number;
  /** The shard to which the file belongs; absent for files of the whole database. */
  shard?: number;
  message: string;
  /** The affected keys lie between these two, inclusive. Escaped, and cut after 40 characters. */
  keys?: { from: string; to: string };
}

/** Further findings are counted but not listed. Applies to each shard, and to the files of the whole database. */
export const maxFindings = 200;

export interface FindingPlace {
  offset?: number | undefined;
  keys?: { from: ByteString; to: ByteString } | undefined;
}

/** Collects findings about the files of one folder. */
export class Findings {
  readonly list: Finding[] = [];
  damages = 0;
  unlisted = 0;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #shard: number | undefined;

  /** `folder` is absolute; `prefix` is its path in the database's folder, with a trailing `/`, or "". */
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

  /** Adds an error that names a damaged place in a file of the folder. Throws any other error again. */
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
