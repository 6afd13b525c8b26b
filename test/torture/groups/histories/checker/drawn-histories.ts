/** Right histories by chance: clients that call one register, each call taking effect at some moment before its answer. */

import type { Random } from "../../../../support/random.js";
import {
  type Moment,
  missing,
  type RecordedHistory,
  type RecordedRead,
  type RecordedWrite,
  type Version,
} from "./history.js";

interface OpenCall {
  readonly callAt: Moment;
  readonly kind: "put" | "delete" | "get";
  readonly id: Version;
  hasHappened: boolean;
  found: Version;
}

export function drawHistory(
  random: Random,
  { clients, calls }: { clients: number; calls: number },
): RecordedHistory {
  const open = new Array<OpenCall | undefined>(clients).fill(undefined);
  const writes: RecordedWrite[] = [];
  const reads: RecordedRead[] = [];
  let value: Version = missing;
  let moment = 0;
  let called = 0;
  while (called < calls || open.some((call) => call !== undefined)) {
    moment += 1;
    const client = random.int(clients);
    const call = open[client];
    if (call === undefined) {
      if (called < calls) {
        called += 1;
        const kind = random.pick(["put", "put", "delete", "get", "get", "get"] as const);
        open[client] = { callAt: moment, kind, id: called, hasHappened: false, found: missing };
      }
    } else if (!call.hasHappened) {
      call.hasHappened = true;
      if (call.kind === "get") {
        call.found = value;
      } else {
        value = call.kind === "put" ? call.id : missing;
      }
    } else {
      const { callAt, kind, id, found } = call;
      open[client] = undefined;
      if (kind === "get") {
        const values = new Map([["k", found]]);
        reads.push({ name: `get ${id}`, callAt, endAt: moment, latestAt: callAt, values });
      } else {
        const changes = new Map([["k", kind === "put" ? id : missing]]);
        writes.push({ id, callAt, endAt: moment, outcome: "done", changes });
      }
    }
  }
  writes.sort((one, other) => one.callAt - other.callAt);
  return { writes, reads };
}
