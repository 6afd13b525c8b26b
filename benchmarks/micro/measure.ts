import { performance } from "node:perf_hooks";

/** The cost of a single part. */
export interface PartCost {
  part: string;
  /** Microseconds per operation: the median, the best and the worst of the rounds. */
  medianUs: number;
  bestUs: number;
  worstUs: number;
}

const warmUpRounds = 2;
const rounds = 7;

/**
 * Measures the time of `work`, which does `operations` operations per call.
 *
 * @param prepare called before each round and not timed; its result is passed to `work`
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

/** Keeps a result, so that the compiler cannot omit the work for it. */
function consume(result: unknown): void {
  consumed = result ?? consumed;
}
