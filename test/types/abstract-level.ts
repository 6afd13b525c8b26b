/** What the types of `fastkv/abstract-level` promise. Nothing here runs: the build fails where one is broken. */

import { expectTypeOf } from "expect-type";
import { FastKVLevel } from "fastkv/abstract-level";

interface User {
  name: string;
}

export async function level(): Promise<void> {
  const db = new FastKVLevel<string, User>("x", { valueEncoding: "json", fastkv: { shards: 2 } });
  const user = await db.get("a");
  expectTypeOf(user).toEqualTypeOf<User | undefined>();
  await db.put("a", { name: "x" }, { ttl: 5, durability: "sync" });
  // @ts-expect-error The value is no User.
  await db.put("a", 5);
  // @ts-expect-error Values are bytes below Level: their encoding is Level's.
  new FastKVLevel("x", { fastkv: { encoding: "json" } });
}
