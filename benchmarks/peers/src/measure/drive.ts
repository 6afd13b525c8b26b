import { performance } from "node:perf_hooks";
import type { Awaitable } from "../stores/store.js";
import type { Meter } from "./meter.js";

/**
 * Calls `operation` for 0 to count - 1, or until the meter's time is over, with up to `inFlight` calls in flight at any
 * time. The time of a call ends when its answer has arrived and been checked.
 *
 * @param entriesPerCall records that a call reads or writes
 */
export async function drive(
  meter: Meter,
  count: number,
  inFlight: number,
  entriesPerCall: number,
  operation: (index: number) => Awaitable<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count && !meter.isOver) {
      const startedMs = performance.now();
      await operation(next++);
      meter.done(startedMs, entriesPerCall);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
}
