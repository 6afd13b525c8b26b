/**
 * What the program does with its database, in rounds of calls that are made in one turn. It follows from the seed
 * alone, so that the test knows what was called without being told.
 */

import type { DurabilityMode } from "../../../../shared/options.js";
import { Random } from "../../../support/random.js";
import { type Change, Oracle } from "../../simulated/oracle.js";

export type Call =
  | { type: "write"; durability: DurabilityMode; changes: Change[] }
  | { type: "load"; changes: Change[] }
  | { type: "flush" }
  | { type: "compact" };

export const shards = 2;
const keys = 40;
const loadKeys = 30;

/** Expiry times of puts, as far as an oracle needs to know them: before anybody looks, or long after. */
export const expiry = { never: 0, beforeALook: 1, late: Number.MAX_SAFE_INTEGER } as const;
/** The time at which an oracle looks: after what expires before a look, and before all else. */
export const lookMs = 2;

export interface WorkloadOptions {
  /** @default 2 */
  shards?: number;
  /** How many of the puts expire. @default 0 */
  expiring?: number;
  /**
   * So many more keys in every other load, which some clears then cover: above a limit of the store's these become
   * range deletes. @default 0
   */
  wideKeys?: number;
}

export class StrikeWorkload {
  readonly #random: Random;
  readonly #shards: number;
  readonly #expiring: number;
  readonly #wideKeys: number;
  /** Knows which key lies where. */
  readonly #topology: Oracle;
  #written = 0;

  constructor(seed: number, options: WorkloadOptions = {}) {
    this.#random = new Random(seed);
    this.#shards = options.shards ?? shards;
    this.#expiring = options.expiring ?? 0;
    this.#wideKeys = options.wideKeys ?? 0;
    this.#topology = new Oracle(this.#shards);
  }

  /** The calls of the next round. */
  round(number: number): Call[] {
    if (number === 0) {
      // The marks of the last opening have done their work.
      return [this.#write([{ type: "clear", lower: "~", upper: null }])];
    }
    const calls = Array.from({ length: 8 }, () => this.#put());
    calls.splice(this.#random.int(8), 0, this.#batch(), this.#batch());
    if (this.#random.chance(0.2)) {
      calls.splice(this.#random.int(8), 0, this.#clear());
    }
    // Not beside a load, which would be cleared or not.
    if (this.#wideKeys > 0 && number % 8 === 3 && this.#random.chance(0.5)) {
      calls.splice(this.#random.int(8), 0, this.#write([{ type: "clear", lower: this.#key(), upper: "x" }]));
    }
    if (number % 4 === 2) {
      calls.splice(this.#random.int(8), 0, this.#load(number % 8 === 2 ? this.#wideKeys : 0));
    }
    if (number % 4 !== 0) {
      calls.push({ type: number % 4 === 3 ? "compact" : "flush" });
    }
    return calls;
  }

  #write(changes: Change[]): Call {
    const durability = this.#random.pick<DurabilityMode>(["none", "background", "background", "sync"]);
    return { type: "write", durability, changes };
  }

  #value(): string {
    this.#written += 1;
    const length = this.#random.pick([0, 20, 300, 3000]);
    return `${this.#random.seed}:${this.#written}:`.padEnd(length, "v");
  }

  #key(): string {
    return `k${String(this.#random.int(keys)).padStart(2, "0")}`;
  }

  #widePut(at: number): Change {
    return { type: "put", key: `wide${at}`, value: `${this.#random.seed}:wide`, expiresAt: expiry.never };
  }

  #lastingPut(key: string): Change & { type: "put" } {
    return { type: "put", key, value: this.#value(), expiresAt: expiry.never };
  }

  #putOf(key: string): Change {
    const put = this.#lastingPut(key);
    const expires = this.#expiring > 0 && this.#random.chance(this.#expiring);
    return expires ? { ...put, expiresAt: this.#random.pick([expiry.beforeALook, expiry.late]) } : put;
  }

  /** A key in each shard that nothing overwrites: it tells whether the batch is there. */
  #marks(): Change[] {
    this.#written += 1;
    const name = `~${this.#random.seed}-${this.#written}`;
    return Array.from({ length: this.#shards }, (_, shard) => {
      for (let n = 0; ; n++) {
        const key = `${name}-${n}`;
        if (this.#topology.shardOf(key) === shard) {
          return this.#lastingPut(key);
        }
      }
    });
  }

  #put(): Call {
    const key = this.#key();
    return this.#write([this.#random.chance(0.2) ? { type: "delete", key } : this.#putOf(key)]);
  }

  #batch(): Call {
    const changes = Array.from({ length: this.#random.pick([1, 4, 10]) }, (): Change => {
      const key = this.#key();
      return this.#random.chance(0.2) ? { type: "delete", key } : this.#putOf(key);
    });
    return this.#write([...changes, ...this.#marks()]);
  }

  #clear(): Call {
    const [lower, last] = [this.#key(), this.#key()].sort() as [string, string];
    return this.#write([{ type: "clear", lower, upper: `${last}\0` }]);
  }

  /** Keys of its own: a load takes effect at no known place among the writes that are called while it runs. */
  #load(wideKeys: number): Call {
    const changes = [
      ...Array.from({ length: loadKeys }, (_, at) => this.#lastingPut(`load${at}`)),
      ...Array.from({ length: wideKeys }, (_, at) => this.#widePut(at)),
    ];
    return { type: "load", changes: [...changes, ...this.#marks()] };
  }
}
