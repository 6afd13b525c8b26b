import type { FastKV } from "../../../../coordinator/fastkv.js";

/** Everything in a database, read in several ways. */
export interface Findings {
  entries: [string, string][];
  backwards: string[];
  count: number;
  values: (string | null)[];
}

export async function readAll(db: FastKV<string>): Promise<Findings> {
  const entries = await db.scan().toArray();
  const backwards = await db.keys({ reverse: true }).toArray();
  const values = await db.getMany(entries.map(([key]) => key));
  return { entries, backwards, count: await db.count(), values: values.map((value) => value ?? null) };
}

/** The entries; throws where the ways of reading disagree. */
export function agreed({ entries, backwards, count, values }: Findings): Map<string, string> {
  const keys = entries.map(([key]) => key);
  if (
    keys.some((key, at) => at > 0 && keys[at - 1]! >= key) ||
    backwards.toReversed().join() !== keys.join() ||
    count !== keys.length ||
    entries.some(([, value], at) => value !== values[at])
  ) {
    throw new Error("Scan, reverse scan, count and getMany disagree");
  }
  return new Map(entries);
}
