import { expect } from "chai";
import type { FastKV } from "../../coordinator/fastkv.js";
import type { FastKVError } from "../../shared/errors.js";
import { useStores } from "./support/stores.js";

/** Objects without fields of their own: where options are wanted, they would count as none. */
const oddObjects: Record<string, unknown> = {
  "a RegExp": /^user:/,
  "a Map": new Map([["prefix", "user:"]]),
  "a Promise": Promise.resolve({ prefix: "user:" }),
  "a Date": new Date(0),
  "an AbortSignal": new AbortController().signal,
  "an instance of a class": new (class Range {})(),
};

type Call = (db: FastKV<unknown>, odd: never) => unknown;
const calls: Record<string, Call> = {
  clear: (db, odd) => db.clear(odd),
  count: (db, odd) => db.count(odd),
  scan: (db, odd) => db.scan(odd).toArray(),
  get: (db, odd) => db.get("user:1", odd),
  getMany: (db, odd) => db.getMany(["user:1"], odd),
  put: (db, odd) => db.put("user:1", "new", odd),
  delete: (db, odd) => db.delete("user:1", odd),
  batch: (db, odd) => db.batch([], odd),
  bulkLoad: (db, odd) => db.bulkLoad([["other", 1]], odd),
};

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "taken";
  } catch (error) {
    return (error as FastKVError).code;
  }
}

describe("What is no options object", () => {
  const stores = useStores();

  it("is refused where options are wanted, and nothing is done", async () => {
    const db = await stores().open();
    await db.batchPut([
      ["user:1", 1],
      ["x", 2],
    ]);
    const snapshot = await db.snapshot();
    const ofSnapshot: Record<string, Call> = {
      "snapshot.scan": (_, odd) => snapshot.scan(odd).toArray(),
      "snapshot.keys": (_, odd) => snapshot.keys(odd).toArray(),
      "snapshot.count": (_, odd) => snapshot.count(odd),
    };
    for (const [what, odd] of [...Object.entries(oddObjects), ["a snapshot", snapshot] as const]) {
      for (const [name, call] of Object.entries({ ...calls, ...ofSnapshot })) {
        const code = await codeOf(() => call(db as FastKV<unknown>, odd as never));
        expect(code, `${name} with ${what}`).to.equal("FASTKV_INVALID_OPTION");
      }
    }
    expect(await db.scan().toArray()).to.deep.equal([
      ["user:1", 1],
      ["x", 2],
    ]);
  });

  it("is refused also where it is null or a number", async () => {
    const db = await stores().open();
    const snapshot = await db.snapshot();
    for (const odd of [null, 5, []] as unknown as undefined[]) {
      for (const call of [() => db.scan(odd), () => snapshot.scan(odd), () => snapshot.count(odd)]) {
        const code = await codeOf(call);
        expect(code, `${String(call)} with ${String(odd)}`).to.equal("FASTKV_INVALID_OPTION");
      }
    }
  });

  it("is no place for a limit: one beside options is refused, not forgotten", async () => {
    const db = await stores().open();
    const snapshot = await db.snapshot();
    const options = { prefix: "a" } as unknown as string;
    expect(await codeOf(() => db.scan(options, 5))).to.equal("FASTKV_INVALID_OPTION");
    expect(await codeOf(() => snapshot.keys(options, 5))).to.equal("FASTKV_INVALID_OPTION");
  });

  it("is no batch either", async () => {
    const db = await stores().open();
    for (const [what, odd] of Object.entries(oddObjects)) {
      if (!(odd instanceof Map)) {
        const code = await codeOf(() => db.batchPut(odd as never));
        expect(code, what).to.equal("FASTKV_INVALID_OPTION");
      }
    }
    expect(await db.count()).to.equal(0);
  });
});
