/** Puts over existing records, with gets at the same time that know which versions they may see. */

import { setImmediate } from "node:timers/promises";
import { uniformNumbers } from "../data/sequences.js";
import { drive } from "../measure/drive.js";
import type { Meter } from "../measure/meter.js";
import type { Store } from "../stores/store.js";
import type { Bench } from "./bench.js";

/** A store that answers immediately would block the event loop, and the writes of others, forever. */
const callsPerTurn = 256;

export class Overwrites {
  readonly #bench: Bench;
  readonly #store: Store;
  readonly #called: Uint32Array;
  readonly #acknowledged: Uint32Array;
  readonly #nextPut: () => number;
  readonly #nextGet: () => number;
  #calls = 0;
  #turn: Promise<void> | undefined;

  constructor(bench: Bench, store: Store) {
    const { records, seed } = bench.job;
    this.#bench = bench;
    this.#store = store;
    this.#called = new Uint32Array(records);
    this.#acknowledged = new Uint32Array(records);
    this.#nextPut = uniformNumbers(seed + 3, records);
    this.#nextGet = uniformNumbers(seed + 4, records);
  }

  async put(): Promise<void> {
    // Not every store keeps the order of two puts of one key that are in flight together.
    let number = this.#nextPut();
    while (this.#called[number] !== this.#acknowledged[number]) {
      number = this.#nextPut();
    }
    const version = this.#acknowledged[number]! + 1;
    this.#called[number] = version;
    await this.#store.put(this.#bench.records.keyOf(number), this.#bench.records.valueOf(number, version));
    this.#acknowledged[number] = version;
  }

  async get(): Promise<void> {
    const number = this.#nextGet();
    const least = this.#acknowledged[number]!;
    const version = this.#bench.check(number, await this.#store.get(this.#bench.records.keyOf(number)));
    if (version < least || version > this.#called[number]!) {
      throw new Error(
        `${this.#bench.records.keyOf(number)} has version ${version}; ${least} was acknowledged, ${this.#called[number]} put last`,
      );
    }
  }

  /** Runs both at the same time until the meters' time is over. */
  async run(putMeter: Meter, putsInFlight: number, getMeter: Meter, getsInFlight: number): Promise<void> {
    const endless = Number.POSITIVE_INFINITY;
    await Promise.all([
      drive(putMeter, endless, putsInFlight, 1, () => this.#inTurn(this.put())),
      drive(getMeter, endless, getsInFlight, 1, () => this.#inTurn(this.get())),
    ]);
  }

  /** Once every `callsPerTurn` calls all callers wait until the event loop has turned. */
  async #inTurn(call: Promise<void>): Promise<void> {
    await call;
    if (++this.#calls % callsPerTurn === 0) {
      this.#turn ??= setImmediate().then(() => {
        this.#turn = undefined;
      });
    }
    if (this.#turn !== undefined) {
      await this.#turn;
    }
  }
}
