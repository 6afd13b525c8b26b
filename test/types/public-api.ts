/** What the types promise. Never run: `tsc -b` fails where one of the lines is not as it says. */

import { type Cursor, FastKV, FastKVError, type FastKVErrorCode, type Scan, type Snapshot } from "fastkv";
import { FastKVLevel } from "fastkv/abstract-level";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

interface User {
  name: string;
}

export async function values(): Promise<void> {
  await using db = await FastKV.open<User>("x", { shards: 2 });
  const user = await db.get("a");
  holds<Same<typeof user, User | undefined>>();
  const users = await db.getMany(["a"]);
  holds<Same<typeof users, (User | undefined)[]>>();
  const flags = await db.hasMany(["a", new Uint8Array()]);
  holds<Same<typeof flags, boolean[]>>();
  await db.put("a", { name: "Alice" }, { ttl: 5, durability: "sync", encoding: "msgpack" });
  await db.batch([
    { type: "put", key: "a", value: { name: "x" } },
    { type: "del", key: "b" },
  ]);

  // @ts-expect-error A value may be missing.
  user.name;
  // @ts-expect-error The value is no User.
  await db.put("a", { name: 1 });
  // @ts-expect-error There is no such durability.
  await db.put("a", { name: "x" }, { durability: "soon" });
  // @ts-expect-error A key is a string or bytes.
  await db.get(1);
  // @ts-expect-error There is no such option.
  await db.get("a", { snap: 1 });
  // @ts-expect-error There is no such option.
  await FastKV.open("x", { shard: 2 });
  // @ts-expect-error A delete has no value.
  await db.batch([{ type: "del", key: "a", value: { name: "x" } }]);

  const anything = await (await FastKV.open("y")).get("a");
  holds<Same<typeof anything, unknown>>();
}

export async function scans(db: FastKV<User>): Promise<void> {
  await using snapshot = await db.snapshot();
  holds<Same<typeof snapshot, Snapshot<User>>>();
  await db.get("a", { snapshot });
  for (const reader of [db, snapshot]) {
    const entries = await reader.scan("user:", 5).toArray();
    holds<Same<typeof entries, [string, User][]>>();
    const bytes = await reader.scan({ keyEncoding: "binary", limit: 1 }).toArray();
    holds<Same<typeof bytes, [Uint8Array, User][]>>();
    const keys = await reader.keys({ keyEncoding: "binary" }).toArray();
    holds<Same<typeof keys, Uint8Array[]>>();
    const names = await reader.keys("user:").toArray();
    holds<Same<typeof names, string[]>>();
  }
  const scan = db.values({ signal: new AbortController().signal });
  holds<Same<typeof scan, Scan<User>>>();
  await using cursor = scan.cursor();
  holds<Same<typeof cursor, Cursor<User>>>();
  const next = await cursor.next();
  holds<Same<typeof next, User | undefined>>();
  // A store, snapshot or scan of something is one of anything.
  const any: [FastKV, Snapshot, Scan<unknown>] = [db, snapshot, scan];
  void any;
}

export function errorsAndEvents(db: FastKV, error: unknown): FastKVErrorCode | undefined {
  db.on("shard-restart", ({ shard, reason }) => {
    holds<Same<typeof shard, number>>();
    holds<Same<typeof reason, string>>();
  });
  // @ts-expect-error There is no such event.
  db.on("shard-restarted", () => undefined);
  if (!(error instanceof FastKVError)) {
    return undefined;
  }
  // @ts-expect-error There is no such code.
  if (error.code === "FASTKV_NO_SUCH_CODE") {
    return undefined;
  }
  return error.code;
}

export async function level(): Promise<void> {
  const db = new FastKVLevel<string, User>("x", { valueEncoding: "json", fastkv: { shards: 2 } });
  const user = await db.get("a");
  holds<Same<typeof user, User | undefined>>();
  await db.put("a", { name: "x" }, { ttl: 5, durability: "sync" });
  // @ts-expect-error The value is no User.
  await db.put("a", 5);
  // @ts-expect-error Values are bytes below Level: their encoding is Level's.
  new FastKVLevel("x", { fastkv: { encoding: "json" } });
}
