import { maxScanPageBytes, maxScanPageEntries } from "../shared/limits.js";
import { type PageRange, pageMode } from "../shared/wire/page.js";
import type { Database } from "./database.js";
import type { ScanPoint } from "./merged-scan.js";
import type { ByteRange } from "./ranges.js";

/** How many keys there are in a range, counted in the shards, page by page so that none of them stalls. */
export async function countKeys(database: Database, range: ByteRange, point: ScanPoint): Promise<number> {
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
  point: ScanPoint,
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
