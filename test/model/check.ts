import fc from "fast-check";
import { chooseSeed } from "../support/random.js";

const maxShown = 24;
const isShrinking = process.env.FASTKV_TEST_SHRINK !== undefined;

function shown(_: string, item: unknown): unknown {
  if (typeof item === "string" && item.length > maxShown) {
    return `${item.slice(0, 4)}... (${item.length})`;
  }
  return item === undefined ? "undefined" : item === Number.POSITIVE_INFINITY ? "all" : item;
}

/**
 * Checks a property; a failure names the seed, and its counterexample stays readable. FASTKV_TEST_SHRINK=1 looks for
 * a smaller one, which takes a while.
 */
export async function checkProperty<T>(
  arbitrary: fc.Arbitrary<T>,
  numRuns: number,
  body: (value: T) => Promise<void>,
): Promise<void> {
  const seed = chooseSeed();
  const result = await fc.check(fc.asyncProperty(arbitrary, body), {
    numRuns,
    timeout: 10_000,
    ...(isShrinking ? { interruptAfterTimeLimit: 40_000 } : {}),
    seed: seed | 0,
    endOnFailure: !isShrinking,
  });
  if (result.failed) {
    const example = JSON.stringify(result.counterexample?.[0], shown);
    throw new Error(
      `${String(result.errorInstance)} [replay with FASTKV_TEST_SEED=${seed}] after ${example?.slice(0, 4000)}`,
      { cause: result.errorInstance },
    );
  }
}
