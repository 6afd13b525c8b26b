import type { KeySpan } from "../version/version.js";

/** Sorts tables into as few runs as possible. The tables of a run are in key order and do not overlap. */
export function disjointRuns<Table extends KeySpan>(tables: readonly Table[]): Table[][] {
  const runs: Table[][] = [];
  for (const table of [...tables].sort((a, b) => (a.smallest < b.smallest ? -1 : 1))) {
    const run = runs.find((one) => one.at(-1)!.largest < table.smallest);
    if (run === undefined) {
      runs.push([table]);
    } else {
      run.push(table);
    }
  }
  return runs;
}
