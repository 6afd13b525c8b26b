import type { BatchOperation } from "../../../coordinator/call-options.js";
import type { FastKV } from "../../../coordinator/fastkv.js";
import type { Call } from "../../crash/processes/strikes/workload.js";

/** Makes a call of the workload. */
export function perform(db: FastKV<string>, call: Call): Promise<unknown> {
  switch (call.type) {
    case "flush":
      return db.flush();
    case "compact":
      return db.compact();
    case "load":
      return db.bulkLoad(call.changes.flatMap((one) => (one.type === "put" ? [[one.key, one.value]] : [])));
    case "write":
      return write(db, call);
  }
}

function write(db: FastKV<string>, { changes, durability }: Call & { type: "write" }): Promise<unknown> {
  const [first] = changes;
  if (first?.type === "clear") {
    const range = first.upper === null ? { gte: first.lower } : { gte: first.lower, lt: first.upper };
    return db.clear(range, { durability });
  }
  if (changes.length === 1 && first?.type === "put") {
    return db.put(first.key, first.value, { durability });
  }
  if (changes.length === 1 && first?.type === "delete") {
    return db.delete(first.key, { durability });
  }
  const operations = changes.flatMap((one): BatchOperation<string>[] => {
    if (one.type === "put") {
      return [{ type: "put", key: one.key, value: one.value }];
    }
    return one.type === "delete" ? [{ type: "del", key: one.key }] : [];
  });
  return db.batch(operations, { durability });
}
