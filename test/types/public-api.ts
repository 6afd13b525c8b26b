/**
 * What the types of the package promise to programs. Nothing here runs: the build fails where a promise is broken.
 */

import type { EventEmitter } from "node:events";
import { expectTypeOf } from "expect-type";
import {
  type BatchOperation,
  FastKV,
  FastKVError,
  type FastKVErrorCode,
  type Key,
  type OpenOptions,
  type Scan,
  type Snapshot,
  type StoredEntry,
  type WriteOutcome,
} from "fastkv";
import { KeyvFastKV } from "fastkv/keyv";

interface User {
  name: string;
  active: boolean;
}

export async function opening(): Promise<void> {
  expectTypeOf(await FastKV.open("./db")).toEqualTypeOf<FastKV<unknown>>();
  const db = await FastKV.open<User>("./db", { shards: 2, durability: "sync" });
  expectTypeOf(db).toEqualTypeOf<FastKV<User>>();
  expectTypeOf(db).toExtend<AsyncDisposable>();
  expectTypeOf(db).toExtend<EventEmitter>();
  // Options that were read from elsewhere may say undefined.
  expectTypeOf<{ shards: number | undefined }>().toExtend<OpenOptions>();
  // @ts-expect-error no such option
  await FastKV.open("./db", { shard: 2 });
  // @ts-expect-error no such durability
  await FastKV.open("./db", { durability: "always" });
}

export async function reading(db: FastKV<User>): Promise<void> {
  expectTypeOf<Key>().toEqualTypeOf<string | Uint8Array>();
  expectTypeOf(await db.get("a")).toEqualTypeOf<User | undefined>();
  expectTypeOf(await db.get(new Uint8Array([1]))).toEqualTypeOf<User | undefined>();
  expectTypeOf(await db.getMany(["a", "b"])).toEqualTypeOf<(User | undefined)[]>();
  expectTypeOf(await db.ttl("a")).toEqualTypeOf<number | undefined>();
  expectTypeOf(await db.has("a")).toEqualTypeOf<boolean>();
  expectTypeOf(await db.count({ prefix: "a" })).toEqualTypeOf<number>();
  // @ts-expect-error what is missing is undefined
  (await db.get("a")).name;
  // @ts-expect-error a key is no number
  await db.get(1);
}

export async function scanning(db: FastKV<User>): Promise<void> {
  expectTypeOf(db.scan("a", 10)).toEqualTypeOf<Scan<[string, User]>>();
  expectTypeOf(db.scan({ gte: "a", reverse: true })).toEqualTypeOf<Scan<[string, User]>>();
  expectTypeOf(db.scan({ keyEncoding: "binary" })).toEqualTypeOf<Scan<[Uint8Array, User]>>();
  expectTypeOf(db.keys()).toEqualTypeOf<Scan<string>>();
  expectTypeOf(db.keys({ keyEncoding: "binary" })).toEqualTypeOf<Scan<Uint8Array>>();
  expectTypeOf(await db.values().toArray()).toEqualTypeOf<User[]>();
  expectTypeOf(db.storedEntries()).toEqualTypeOf<Scan<StoredEntry<string>>>();
  for await (const [key, value] of db.scan({ signal: AbortSignal.timeout(1000) })) {
    expectTypeOf(key).toEqualTypeOf<string>();
    expectTypeOf(value).toEqualTypeOf<User>();
  }
  const snapshot = await db.snapshot();
  expectTypeOf(snapshot).toEqualTypeOf<Snapshot<User>>();
  expectTypeOf(await snapshot.get("a")).toEqualTypeOf<User | undefined>();
  expectTypeOf(snapshot).toExtend<AsyncDisposable>();
}

export async function writing(db: FastKV<User>, user: User): Promise<void> {
  expectTypeOf(db.put("a", user, { ttl: 1000, encoding: "msgpack" })).toEqualTypeOf<Promise<void>>();
  await db.batchPut({ a: user });
  await db.batchPut(new Map([["a", user]]));
  await db.batch([
    { type: "put", key: "a", value: user },
    { type: "del", key: "b" },
  ]);
  expectTypeOf<{ type: "del"; key: string }>().toExtend<BatchOperation<User>>();
  await db.bulkLoad([["a", user] as const, { key: "b", value: user, ttl: 1000 }]);
  // A copy of a database keeps its types.
  await db.bulkLoad(db.storedEntries());
  // @ts-expect-error not a user
  await db.put("a", { name: "Alice" });
  // @ts-expect-error not a user
  await db.batch([{ type: "put", key: "a", value: 1 }]);
  // @ts-expect-error the operation is called "del"
  await db.batch([{ type: "delete", key: "a" }]);
}

export function listening(db: FastKV<User>): void {
  db.on("shard-restart", (event) => {
    expectTypeOf(event).toEqualTypeOf<{ shard: number; reason: string }>();
  });
  db.on("shard-failed", ({ error }) => {
    expectTypeOf(error).toEqualTypeOf<FastKVError>();
  });
  db.on("space-low", ({ isLow, freeBytes }) => {
    expectTypeOf({ isLow, freeBytes }).toEqualTypeOf<{ isLow: boolean; freeBytes: number }>();
  });
  db.on("corruption", (event) => {
    expectTypeOf(event).toEqualTypeOf<{
      shard: number;
      path: string;
      offset: number | undefined;
      reason: string;
    }>();
  });
  // @ts-expect-error no such event
  db.on("shard-restarted", () => undefined);
}

/** The shape of a log function of pino. */
type PinoLike = <T>(fields: T, message?: string, ...more: unknown[]) => void;

export function logging(logger: { debug: PinoLike; info: PinoLike; warn: PinoLike; error: PinoLike }): void {
  void FastKV.open("./logged", { logger });
  // @ts-expect-error it lacks three methods
  void FastKV.open("./logged", { logger: { info: logger.info } });
}

export function failing(error: unknown): FastKVErrorCode | undefined {
  if (error instanceof FastKVError) {
    expectTypeOf(error.writeOutcome).toEqualTypeOf<WriteOutcome>();
    // @ts-expect-error no such code
    error.code === "FASTKV_NOTHING";
    return error.code;
  }
  return undefined;
}

export function adapting(db: FastKV<User>): void {
  expectTypeOf(new KeyvFastKV(db).database).toEqualTypeOf<FastKV<unknown>>();
}
