import type { Stall } from "./engine/write-path/stall.js";

/** How long writes were slowed and stopped; for the statistics. */
export class StallClock {
  slowMs = 0;
  stopMs = 0;
  #current: Stall = { kind: "none", reason: "none" };
  #sinceMs: number;
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  get current(): Stall {
    return this.#current;
  }

  /** Returns true if this is a change. */
  note(stall: Stall): boolean {
    this.tick();
    const isChange = stall.kind !== this.#current.kind || stall.reason !== this.#current.reason;
    this.#current = stall;
    return isChange;
  }

  /** Adds the time until now. */
  tick(): void {
    const now = this.#monotonicMs();
    if (this.#current.kind === "slow") {
      this.slowMs += now - this.#sinceMs;
    } else if (this.#current.kind === "stop") {
      this.stopMs += now - this.#sinceMs;
    }
    this.#sinceMs = now;
  }
}
