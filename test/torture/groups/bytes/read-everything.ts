/**
 * Opens a damaged database and reads all of it in every way, and says what came of it. Throws where an answer differs
 * from what is right, or an error is none that damage may give.
 */

import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { FastKVError } from "../../../../shared/errors.js";

/** Either the truth, or how to judge what was found instead. */
export interface Expectation {
  /** All keys that ever were, and some that never were. */
  readonly keys: readonly string[];
  readonly contents: ReadonlyMap<string, string>;
  /** Set where a loss is allowed: throws unless the contents found are allowed, too. */
  readonly judge: ((found: ReadonlyMap<string, string>) => void) | undefined;
  /** Throws unless damage may give this error. */
  readonly checkError: (error: unknown) => void;
}

/** What the calls on one damaged database gave. */
export type Verdict = "refused at open" | "right" | "right in part" | "shorter, as allowed";

export async function readEverything(
  open: () => Promise<FastKV>,
  expectation: Expectation,
  withCompaction: boolean,
): Promise<Verdict> {
  let db: FastKV;
  try {
    db = await open();
  } catch (error) {
    expectation.checkError(error);
    return "refused at open";
  }
  const reading = new Reading(db, expectation);
  await reading.readAll();
  if (withCompaction) {
    await reading.attempt(() => db.compact());
    await reading.readAll();
  }
  await reading.write();
  await reading.attempt(() => db.close());
  return reading.verdict;
}

class Reading {
  readonly #db: FastKV;
  readonly #expectation: Expectation;
  #contents: ReadonlyMap<string, string>;
  #errors = 0;
  #isShorter = false;

  constructor(db: FastKV, expectation: Expectation) {
    this.#db = db;
    this.#expectation = expectation;
    this.#contents = expectation.contents;
  }

  get verdict(): Verdict {
    if (this.#errors > 0) {
      return "right in part";
    }
    return this.#isShorter ? "shorter, as allowed" : "right";
  }

  async attempt<T>(call: () => Promise<T>): Promise<{ value: T } | undefined> {
    try {
      return { value: await call() };
    } catch (error) {
      this.#expectation.checkError(error);
      this.#errors += 1;
      return undefined;
    }
  }

  async readAll(): Promise<void> {
    const db = this.#db;
    const forwards = await this.attempt(() => db.scan().toArray());
    if (forwards !== undefined) {
      this.#settleContents(new Map(forwards.value as [string, string][]));
      same("a scan", forwards.value, this.#sorted());
    }
    const backwards = await this.attempt(() => db.scan({ reverse: true }).toArray());
    if (forwards === undefined && this.#expectation.judge !== undefined) {
      // Nothing says which of the allowed states it is.
      return;
    }
    same("a scan backwards", backwards?.value, this.#sorted().reverse());
    const count = await this.attempt(() => db.count());
    same("count", count?.value, this.#contents.size);
    const { keys } = this.#expectation;
    const wanted = keys.map((key) => this.#contents.get(key));
    const many = await this.attempt(() => db.getMany(keys));
    same("getMany", many?.value, wanted);
    await Promise.all(
      keys.map(async (key, at) => {
        const got = await this.attempt(() => db.get(key));
        if (got !== undefined) {
          same(`get of ${key}`, got.value ?? null, wanted[at] ?? null);
        }
      }),
    );
  }

  /** A batch over both shards works, or is refused with a reason; it does not bring anything else back. */
  async write(): Promise<void> {
    const keys = ["written-afterwards-1", "written-afterwards-2", "written-afterwards-3"];
    const done = await this.attempt(() => this.#db.batchPut(keys.map((key) => [key, key])));
    if (done !== undefined) {
      const many = await this.attempt(() => this.#db.getMany(keys));
      same("what a batch put", many?.value, keys);
    }
  }

  /** The first scan decides, where several answers are allowed; everything else has to agree with it. */
  #settleContents(found: ReadonlyMap<string, string>): void {
    const { judge, contents } = this.#expectation;
    if (judge !== undefined && !this.#isShorter && !isSame(found, contents)) {
      judge(found);
      this.#isShorter = true;
      this.#contents = found;
    }
  }

  #sorted(): [string, string][] {
    return [...this.#contents].sort(([left], [right]) => (left < right ? -1 : 1));
  }
}

/** An answer that is missing, since the call gave an error, is none that could be wrong. */
function same(what: string, found: unknown, expected: unknown): void {
  if (found === undefined) {
    return;
  }
  const [got, wanted] = [JSON.stringify(found), JSON.stringify(expected)];
  if (got !== wanted) {
    const at = [...got].findIndex((character, index) => character !== wanted[index]);
    const part = (text: string): string => text.slice(Math.max(0, at - 60), at + 120);
    throw new Error(`WRONG ANSWER: ${what} gives ...${part(got)}... instead of ...${part(wanted)}...`);
  }
}

function isSame(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): boolean {
  return found.size === expected.size && [...found].every(([key, value]) => expected.get(key) === value);
}

const damageCodes: readonly string[] = ["FASTKV_CORRUPTION", "FASTKV_UNSUPPORTED_FORMAT"];

/**
 * Whether an error is one that damage to a file may give, and says where. A changed byte is told by its file and offset,
 * but for two kinds of file: one whose end may be torn (then another file shows what is missing, and is named), and the
 * owner file, which is one line with one checksum. What is gone as a whole is told by any file that lacks it.
 */
export function checkDamageError(error: unknown, file: string, isFlip: boolean): void {
  const { code, message } = error as FastKVError;
  const isOwner = file.includes("/OWNER-");
  if (isOwner && code === "FASTKV_LOCKED") {
    return;
  }
  if (!damageCodes.includes(code)) {
    const text = error instanceof Error ? (error.stack ?? message) : String(error);
    throw new Error(`AN ERROR THAT DAMAGE MAY NOT GIVE: ${code} ${text}`, { cause: error });
  }
  const mayBeTorn = /MANIFEST-|batch-log-/.test(file);
  const folder = storeFolderOf(file);
  const isNamed =
    message.includes(file) || (message.includes(folder) && message.includes(path.basename(file)));
  const namesFile = isNamed || ((mayBeTorn || !isFlip) && message.includes(`${folder}/`));
  const namesOffset = !isFlip || isOwner || mayBeTorn || / at offset \d+/.test(message);
  if (!namesFile || !namesOffset) {
    throw new Error(`AN ERROR WITHOUT THE PLACE: ${code} ${message} (damaged: ${file})`, { cause: error });
  }
}

function storeFolderOf(file: string): string {
  return file.replace(/(\/shard-\d+)?\/[^/]+$/, "");
}
