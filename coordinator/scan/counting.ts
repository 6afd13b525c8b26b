import { maxScanPageBytes, maxScanPageEntries } from "../../shared/limits.js";
import type { ReadPoint } from "../../shared/read-point.js";
import { type PageRange, pageMode } from "../../shared/wire/page.js";
import type { ByteRange } from "../calls/ranges.js";
import type { Database } from "../database.js";

/** Counts the keys in a range, in the shards. Counts page by page, so that no shard stalls. */
export async function countKeys(database: Database, range: ByteRange, point: ReadPoint): Promise<number> {
  const holdId = database.holds.take(point);
  try {
    const counts = await Promise.all(
      database.clients.map((client) => countIn(database, client.index, range, point, holdId)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  } finally {
    database.holds.release(holdId);
  }
}

async function countIn(
  database: Database,
  shard: number,
  range: ByteRange,
  point: ReadPoint,
  holdId: number,
): Promise<number> {
  let count = 0;
  let rest: PageRange | null = range;
  while (rest !== null) {
    const page = await database.page(shard, {
      type: "page",
      mode: pageMode.count,
      lower: rest.lower,
      upper: rest.upper,
      reverse: false,
      ...point,
      maxEntries: maxScanPageEntries,
      maxBytes: maxScanPageBytes,
      holdId,
    });
    count += page.entries;
    rest = page.rest;
  }
  return count;
}
