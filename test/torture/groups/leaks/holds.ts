import type { FastKV } from "../../../../coordinator/fastkv.js";
import { collectGarbage } from "./figures.js";

/** Snapshots and scans that are open, as the coordinator and the shards see it, after all garbage was collected. */
export async function openHolds(db: FastKV): Promise<Record<string, number>> {
  await collectGarbage();
  // What was given back is told to the shards with the next frame: the answer to a later one shows it.
  await db.stats();
  const { snapshots, shards, in_flight_bytes: inFlight } = await db.stats();
  return {
    "open snapshots and scans": snapshots,
    "holds of shards": shards.reduce((sum, shard) => sum + shard.snapshots, 0),
    "bytes in flight": inFlight,
  };
}
