import type { FastKV } from "../../../../coordinator/fastkv.js";
import { collectGarbage } from "./figures.js";

/** What was forgotten is found by the collector at its leisure, and given back with a later frame. */
const mostLooks = 10;

/** Snapshots and scans that stay open, as the coordinator and the shards see it, however often garbage is collected. */
export async function openHolds(db: FastKV): Promise<Record<string, number>> {
  for (let look = 1; ; look += 1) {
    await collectGarbage();
    const { snapshots, shards, in_flight_bytes: inFlight } = await db.stats();
    const ofShards = shards.reduce((sum, shard) => sum + shard.snapshots, 0);
    if (look === mostLooks || snapshots + ofShards + inFlight === 0) {
      return {
        "open snapshots and scans": snapshots,
        "holds of shards": ofShards,
        "bytes in flight": inFlight,
      };
    }
  }
}
