/** The planted bugs: each breaks one promise, and the suite must find it. */

/** A run of one group that must find a bug. */
export interface Proof {
  readonly group: string;
  readonly seed: number;
  readonly seconds: number;
}

export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  /** Compiled file, relative to `dist`. */
  readonly file: string;
  /** Stands in it exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** Each of these runs alone must find it. */
  readonly proofs: readonly Proof[];
}

export const plantedBugs: readonly PlantedBug[] = [];

/** The bug of that name, or all of them; none where there is no such bug. */
export function findPlants(name: string): readonly PlantedBug[] {
  return plantedBugs.filter((bug) => name === "all" || bug.name === name);
}
