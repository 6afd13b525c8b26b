/** What the program of a life and the one who watches it have to agree on. */

/** How many of the puts expire. */
export const expiring = 0.15;

export function stateName(look: number): string {
  return `state-${look}.json`;
}

export interface LifePlan {
  readonly folder: string;
  readonly runtimeFolder: string;
  /** A folder for what the program finds and for its errors. */
  readonly notes: string;
  readonly seed: number;
  readonly shards: number;
  readonly syncIntervalMs: number;
}
