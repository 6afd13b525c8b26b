/** What a program called and what it was told, over several lives; and whether what is found fits. */

import { agreed, type Findings } from "../../crash/processes/strikes/reading.js";
import { type Call, shards } from "../../crash/processes/strikes/workload.js";
import { Oracle, type SentWrite } from "../../crash/simulated/oracle.js";

/** How a call ended; undefined where nobody was told, since the program died. */
export type Outcome =
  | { kind: "ack" }
  | { kind: "refused"; code: string; writeOutcome: string; message: string }
  | undefined;

/** Codes that a fault of the disk or of a process may give; any other is a finding. */
const fittingCodes: ReadonlySet<string> = new Set([
  "FASTKV_NO_SPACE",
  "FASTKV_IO",
  "FASTKV_SHARD_UNAVAILABLE",
  "FASTKV_READ_ONLY",
]);

/** Throws where an error has a code that no fault of the disk or of a process explains. */
export function checkCode(code: string, message: string, what: string): void {
  if (!fittingCodes.has(code)) {
    throw new Error(`${what} ended with ${code}, which no fault of the disk explains: ${message}`);
  }
}

export class History {
  #oracle: Oracle;
  /** Refused, but perhaps there: what is made durable later need not have them. */
  readonly #doubted = new Set<SentWrite>();
  /** Refusals by code. */
  readonly refusals: Record<string, number> = {};

  constructor(base: Iterable<readonly [string, string]> = []) {
    this.#oracle = startFrom(base);
  }

  /** Takes note of a call; what is returned takes its outcome. */
  begin(call: Call): (outcome: Outcome) => void {
    const oracle = this.#oracle;
    if (call.type === "write") {
      const write = oracle.send(call.changes, call.changes[0]?.type === "clear");
      return (outcome) => {
        this.#noteRefusal(call.type, outcome);
        if (outcome?.kind === "ack" && call.durability !== "none" && write.outcome === "pending") {
          write.outcome = call.durability;
        }
        if (outcome?.kind === "refused") {
          this.#refuse(write, outcome.writeOutcome);
        }
      };
    }
    if (call.type === "load") {
      // It takes its place when it completes.
      return (outcome) => {
        this.#noteRefusal(call.type, outcome);
        if (outcome?.kind === "refused" && outcome.writeOutcome === "not-applied") {
          return;
        }
        const write = oracle.send(call.changes, true);
        if (outcome?.kind === "ack") {
          write.outcome = "sync";
        } else {
          this.#doubted.add(write);
        }
      };
    }
    const before = [...oracle.writes];
    return (outcome) => {
      this.#noteRefusal(call.type, outcome);
      if (outcome?.kind === "ack") {
        this.#noteDurable(before);
      }
    };
  }

  /** The database was closed, without an error: everything that was not refused is there. */
  noteClosed(): void {
    this.#noteDurable(this.#oracle.writes);
  }

  /**
   * Throws where what was found is no state that the promises allow; the rest of the history starts from it. With
   * `keepsAll` false (a power cut) what was acknowledged as "background" may be missing.
   */
  check(findings: Findings, keepsAll = true): Map<string, string> {
    const found = agreed(findings);
    this.#oracle.check(found, 0, keepsAll);
    return found;
  }

  /** What was found is the truth from now on. */
  startFrom(found: ReadonlyMap<string, string>): void {
    this.#oracle = startFrom(found);
    this.#doubted.clear();
  }

  #noteDurable(writes: readonly SentWrite[]): void {
    for (const write of writes) {
      if (!this.#doubted.has(write)) {
        write.outcome = "sync";
      }
    }
  }

  #refuse(write: SentWrite, writeOutcome: string): void {
    const { writes } = this.#oracle;
    if (writeOutcome === "not-applied") {
      writes.splice(writes.indexOf(write), 1);
    } else {
      write.isDoubted = true;
      this.#doubted.add(write);
    }
  }

  #noteRefusal(type: Call["type"], outcome: Outcome): void {
    if (outcome?.kind === "refused") {
      checkCode(outcome.code, outcome.message, `A ${type}`);
      if (outcome.writeOutcome === "none" && (type === "write" || type === "load")) {
        const { code, message } = outcome;
        throw new Error(`A ${type} ended with ${code}, which does not say what became of it: ${message}`);
      }
      this.refusals[outcome.code] = (this.refusals[outcome.code] ?? 0) + 1;
    }
  }
}

function startFrom(found: Iterable<readonly [string, string]>): Oracle {
  const oracle = new Oracle(shards);
  for (const [key, value] of found) {
    oracle.send([{ type: "put", key, value, expiresAt: 0 }], false).outcome = "sync";
  }
  return oracle;
}
