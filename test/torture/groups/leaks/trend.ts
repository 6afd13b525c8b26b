/**
 * Whether figures that were taken again and again grow with the work that was done in between. One difference says
 * little: caches fill, and collectors come when they like. So the growth is the median of the slopes between all pairs
 * of samples (Theil 1950, Sen 1968), which neither a step nor an outlier moves far.
 */

export interface Sample {
  /** How many operations were done by then. */
  readonly operations: number;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Tolerance {
  /** Growth for each operation up to this is no leak. */
  readonly perOperation: number;
  /** Nor is growth up to this over all samples: that much comes and goes by itself. */
  readonly inAll: number;
}

/** What figures may grow by, by their names; a name that is not there must not change at all. */
export type Tolerances = Readonly<Record<string, Tolerance>>;

export interface Growth {
  readonly name: string;
  readonly perOperation: number;
  readonly inAll: number;
}

/** For each figure. */
export function growths(samples: readonly Sample[]): Growth[] {
  const first = samples[0]!;
  const operations = samples.at(-1)!.operations - first.operations;
  return Object.keys(first.figures).map((name) => {
    const perOperation = slope(samples, name);
    return { name, perOperation, inAll: perOperation * operations };
  });
}

/** What leaks, each with how much; empty where nothing does. */
export function findLeaks(samples: readonly Sample[], tolerances: Tolerances): string[] {
  if (samples.length < 5) {
    throw new Error(`${samples.length} samples are too few to tell a leak from noise`);
  }
  const leaks: string[] = [];
  for (const { name, perOperation, inAll } of growths(samples)) {
    const seen = samples.map(({ figures }) => figures[name]);
    const tolerance = tolerances[name];
    if (tolerance === undefined) {
      if (seen.some((figure) => figure !== seen[0])) {
        leaks.push(`${name} changes: ${seen.join(", ")}`);
      }
    } else if (perOperation > tolerance.perOperation && inAll > tolerance.inAll) {
      const allowed = `allowed are ${tolerance.perOperation} or ${tolerance.inAll} in all`;
      leaks.push(
        `${name} grows by ${perOperation.toPrecision(3)} an operation, ${Math.round(inAll)} in all (${allowed}): ${seen.join(", ")}`,
      );
    }
  }
  return leaks;
}

function slope(samples: readonly Sample[], name: string): number {
  const slopes: number[] = [];
  for (const [at, one] of samples.entries()) {
    for (const other of samples.slice(at + 1)) {
      const operations = other.operations - one.operations;
      if (operations > 0) {
        slopes.push((other.figures[name]! - one.figures[name]!) / operations);
      }
    }
  }
  slopes.sort((one, other) => one - other);
  const middle = slopes.length >> 1;
  if (slopes.length === 0) {
    return 0;
  }
  return slopes.length % 2 === 1 ? slopes[middle]! : (slopes[middle - 1]! + slopes[middle]!) / 2;
}
