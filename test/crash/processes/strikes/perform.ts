/** Makes the calls of a workload on a database. */

import type { BatchOperation } from "../../../../coordinator/calls/call-options.js";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { FastKVError } from "../../../../shared/errors.js";
import { type Call, expiry } from "./workload.js";

const lateMs = 3_600_000;

/** An expiry time of the workload, as the option that makes it. */
function ttlOf(expiresAt: number): number | undefined {
  return expiresAt === expiry.never ? undefined : expiresAt === expiry.beforeALook ? 1 : lateMs;
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof FastKVError && error.code === "FASTKV_SHARD_UNAVAILABLE";
}

export function perform(db: FastKV<string>, call: Call): Promise<unknown> {
  switch (call.type) {
    case "flush":
      return db.flush();
    case "compact":
      return db.compact();
    case "load":
      return db.bulkLoad(call.changes.flatMap((one) => (one.type === "put" ? [[one.key, one.value]] : [])));
    case "write": {
      const { changes, durability } = call;
      const [first] = changes;
      if (first?.type === "clear") {
        const range = first.upper === null ? { gte: first.lower } : { gte: first.lower, lt: first.upper };
        return db.clear(range, { durability });
      }
      if (changes.length === 1 && first?.type === "put") {
        return db.put(first.key, first.value, { durability, ttl: ttlOf(first.expiresAt) });
      }
      if (changes.length === 1 && first?.type === "delete") {
        return db.delete(first.key, { durability });
      }
      return db.batch(
        changes.flatMap((one): BatchOperation<string>[] => {
          if (one.type === "put") {
            return [{ type: "put", key: one.key, value: one.value, ttl: ttlOf(one.expiresAt) }];
          }
          return one.type === "delete" ? [{ type: "del", key: one.key }] : [];
        }),
        { durability },
      );
    }
  }
}

/** Makes a call named `name`, and says on a line what became of it. */
export async function performAndSay(
  db: FastKV<string>,
  call: Call,
  name: string,
  say: (line: string) => void,
): Promise<void> {
  try {
    await perform(db, call);
  } catch (error) {
    // Only a bulk load may fail, where a shard dies under it.
    if (call.type !== "load" || !isUnavailable(error)) {
      throw error;
    }
    say(`refused ${name}`);
    return;
  }
  say(`ack ${name}`);
}
