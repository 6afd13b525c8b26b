/** What one writer put under each key and what it was told: enough to say what a key may hold afterwards. */

import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { FastKVError } from "../../../../shared/errors.js";
import { Oracle } from "../../../crash/simulated/oracle.js";
import { checkCode } from "../../scenario/history.js";

export const shards = 2;
const topology = new Oracle(shards);

/** Keys that lie on one shard. */
export function keysOf(shard: number, count: number, prefix = "key"): string[] {
  const keys: string[] = [];
  for (let n = 0; keys.length < count; n++) {
    const key = `${prefix}-${n}`;
    if (topology.shardOf(key) === shard) {
      keys.push(key);
    }
  }
  return keys;
}

interface Attempt {
  value: string;
  outcome: "open" | "ack" | "not-applied" | "in-doubt";
}

export class Ledger {
  readonly #attempts = new Map<string, Attempt[]>();
  readonly codes: Record<string, number> = {};
  #written = 0;
  acknowledged = 0;

  /** Puts a fresh value of about `bytes` bytes; resolves when it has an outcome, to its code or "ack". Never rejects. */
  async put(db: FastKV<string>, key: string, bytes: number): Promise<string> {
    this.#written += 1;
    const attempt: Attempt = { value: `${this.#written}:`.padEnd(bytes, "v"), outcome: "open" };
    this.#attempts.set(key, [...(this.#attempts.get(key) ?? []), attempt]);
    try {
      await db.put(key, attempt.value);
    } catch (error) {
      const { code, message, writeOutcome } = error as FastKVError;
      if (code !== "FASTKV_OVERLOADED") {
        checkCode(code, message, "A put");
      }
      if (writeOutcome === "none") {
        throw new Error(`A put ended with ${code}, which does not say what became of it: ${message}`);
      }
      attempt.outcome = writeOutcome;
      this.codes[code] = (this.codes[code] ?? 0) + 1;
      return code;
    }
    attempt.outcome = "ack";
    this.acknowledged += 1;
    return "ack";
  }

  /** Throws where a key has what it cannot have. */
  check(found: ReadonlyMap<string, string>): void {
    for (const [key, attempts] of this.#attempts) {
      const sure = attempts.findLastIndex(({ outcome }) => outcome === "ack");
      const possible: (string | undefined)[] = attempts
        .slice(Math.max(0, sure))
        .filter(({ outcome }) => outcome !== "not-applied")
        .map(({ value }) => value);
      if (sure < 0) {
        possible.push(undefined);
      }
      const value = found.get(key);
      if (!possible.includes(value)) {
        const shown = value?.slice(0, 12);
        throw new Error(
          `${key} has ${shown}, but may have ${possible.map((one) => one?.slice(0, 12)).join(", ")}`,
        );
      }
    }
    for (const key of found.keys()) {
      if (!this.#attempts.has(key)) {
        throw new Error(`${key} was never written`);
      }
    }
  }

  async checkAll(db: FastKV<string>): Promise<void> {
    this.check(new Map(await db.scan().toArray()));
  }
}
