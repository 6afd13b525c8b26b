import { performance } from "node:perf_hooks";

/** What a part costs alone. */
export interface PartCost {
  part: string;
  /** Microseconds for one operation: the median of the rounds, and the best and worst of them. */
  medianUs: number;
  bestUs: number;
  worstUs: number;
}

const warmUpRounds = 2;
const rounds = 7;

/**
 * Takes the time of `work`, which does `operations` operations at each call.
 *
 * @param prepare called before each round, outside of the clock; what it gives is handed to `work`
 */
export function measurePart<T>(
  part: string,
  operations: number,
  prepare: () => T,
  work: (prepared: T) => unknown,
): PartCost {
  const timesUs: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const prepared = prepare();
    const startedMs = performance.now();
    consume(work(prepared));
    const us = ((performance.now() - startedMs) * 1_000) / operations;
    if (round >= 0) {
      timesUs.push(us);
    }
  }
  timesUs.sort((left, right) => left - right);
  return { part, medianUs: timesUs[rounds >> 1]!, bestUs: timesUs[0]!, worstUs: timesUs.at(-1)! };
}

let consumed: unknown;

/** Keeps a result, so that the work for it cannot be left out by the compiler. */
function consume(result: unknown): void {
  consumed = result ?? consumed;
}
