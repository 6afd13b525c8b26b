/** What a program was promised by its database, as it tells it on a pipe. */

import { Oracle, type SentWrite } from "../../simulated/oracle.js";
import { agreed, type Findings } from "./reading.js";
import { type Call, shards as defaultShards, lookMs, type StrikeWorkload } from "./workload.js";

/** What a database may hold, by what was called and acknowledged. */
export class Promised {
  readonly #shards: number;
  #oracle: Oracle;

  constructor(shards = defaultShards) {
    this.#shards = shards;
    this.#oracle = new Oracle(shards);
  }

  /**
   * Throws where what was found is no state that the promises allow; the rest of the history starts from it.
   * With `keepsAll` (after kills) also what was acknowledged in mode background is there.
   */
  check(findings: Findings, keepsAll = true): void {
    const found = agreed(findings);
    this.#oracle.check(found, lookMs, keepsAll);
    this.#oracle = new Oracle(this.#shards);
    for (const [key, value] of found) {
      this.#oracle.send([{ type: "put", key, value, expiresAt: 0 }], false).outcome = "sync";
    }
  }

  get oracle(): Oracle {
    return this.#oracle;
  }
}

type Outcome = "ack" | "refused" | "open";

/** Turns what the program says into what the oracle knows. */
export class Listener {
  readonly #promised: Promised;
  readonly #workload: StrikeWorkload;
  readonly #calls = new Map<string, { call: Call; settle(outcome: Outcome): void }>();

  /** When it was heard that a write was acknowledged as written, by `performance.now()`. */
  readonly #heardMs = new Map<SentWrite, number>();

  constructor(promised: Promised, workload: StrikeWorkload) {
    this.#promised = promised;
    this.#workload = workload;
  }

  startRound(number: number): void {
    this.#workload.round(number).forEach((call, at) => {
      this.#calls.set(`${number}.${at}`, { call, settle: this.#send(call) });
    });
  }

  settle(name: string, outcome: "ack" | "refused"): void {
    this.#calls.get(name)!.settle(outcome);
    this.#calls.delete(name);
  }

  openCalls(): string {
    return [...this.#calls].map(([name, { call }]) => `${name} (${call.type})`).join(", ");
  }

  /** What was acknowledged as written by then is on disk, by the interval of its syncs. */
  noteSyncedBefore(timeMs: number): void {
    for (const [write, heardMs] of this.#heardMs) {
      if (heardMs <= timeMs) {
        write.outcome = "sync";
      }
    }
  }

  /** The program is dead: nobody was told of what is still open. */
  end(): void {
    for (const { settle } of this.#calls.values()) {
      settle("open");
    }
  }

  #send(call: Call): (outcome: Outcome) => void {
    const { oracle } = this.#promised;
    if (call.type === "write") {
      const isClear = call.changes[0]?.type === "clear";
      const write = oracle.send(call.changes, isClear);
      return (outcome) => {
        if (outcome === "ack" && call.durability !== "none" && write.outcome === "pending") {
          write.outcome = call.durability;
          this.#heardMs.set(write, performance.now());
        }
      };
    }
    if (call.type === "load") {
      // It takes its place when it completes. What is refused leaves nothing.
      return (outcome) => {
        if (outcome !== "refused") {
          oracle.send(call.changes, true).outcome = outcome === "ack" ? "sync" : "pending";
        }
      };
    }
    const before = [...oracle.writes];
    return (outcome) => {
      for (const write of outcome === "ack" ? before : []) {
        write.outcome = "sync";
      }
    };
  }
}
