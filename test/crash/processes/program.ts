/**
 * A program that uses a database, to be killed by a test: `node program.js <what> <folder> <runtimeFolder> [durability]`.
 * It says on its standard output, one line each, which shards it has and which writes were acknowledged.
 */

import { writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { onExit } from "signal-exit";
import { FastKV } from "../../../coordinator/fastkv.js";
import type { FastKVError } from "../../../shared/errors.js";
import type { DurabilityMode } from "../../../shared/options.js";

const [what = "", folder = "", runtimeFolder = "", durability = "background"] = process.argv.slice(2);

/** Written at once: what the reader got was acknowledged before the program died. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

if (what === "drain") {
  // Its own way to end, without FastKV's.
  process.once("SIGTERM", () => void drain());
}

async function drain(): Promise<void> {
  await nextTurn();
  say(db.isClosed ? "closed" : "open");
  await db.close();
}

const db = await FastKV.open(folder, {
  runtimeFolder,
  durability: durability as DurabilityMode,
  // For "unsynced": nothing is synced before the database closes.
  ...(what === "unsynced" ? { syncInterval: 60_000 } : {}),
});
say(`shards ${(await db.stats()).shards.map((shard) => shard.pid).join(" ")}`);
const start = ((await db.get("rounds")) as number | undefined) ?? 0;
await db.put("rounds", start + 1);

/** Puts single keys, and batches of 8 keys that touch all shards, and says what was acknowledged. */
async function write(): Promise<never> {
  for (let number = 0; ; number++) {
    const name = `${start}-${number}`;
    const writes = Array.from({ length: 10 }, (_, at) => db.put(`put-${name}-${at}`, at));
    const batch = db.batchPut(Array.from({ length: 8 }, (_, at) => [`batch-${at}`, name] as const));
    const marker = db.batchPut([
      [`mark-a-${name}`, 1],
      [`mark-b-${name}`, 1],
    ]);
    await Promise.all([...writes, batch, marker]);
    say(`ack ${name}`);
  }
}

switch (what) {
  case "write":
    say("ready");
    // A signal closes the database under the writer, whose calls then wait for the program's end.
    await write();
    break;
  case "scan":
    await db.batchPut(Array.from({ length: 5_000 }, (_, at) => [`key-${at}`, at] as const));
    say("ready");
    for (;;) {
      for await (const _ of db.scan()) {
        await nextTurn();
      }
    }
  case "outlive":
    // A program that begins to handle the signal only when it has come.
    process.kill(process.pid, "SIGINT");
    while (!db.isClosed) {
      await nextTurn();
    }
    process.on("SIGINT", () => undefined);
    await db.put("late", 1).catch((error: FastKVError) => say(`${error.code} ${error.writeOutcome}`));
    break;
  case "watched":
    onExit((_, signal) => say(`exit ${signal}`));
    say("ready");
    setInterval(() => undefined, 1000);
    break;
  case "drain":
    say("ready");
    break;
  case "copies": {
    // Another copy of the package, as two versions of it in one program are.
    const bundle = new URL("../../../coordinator/bundle/index.js", import.meta.url).href;
    const copy = (await import(bundle)) as { FastKV: typeof FastKV };
    const other = await copy.FastKV.open(`${folder}-2`, { runtimeFolder });
    await other.put("a", 1);
    say("ready");
    setInterval(() => undefined, 1000);
    break;
  }
  case "unsynced":
    await Promise.all(Array.from({ length: 20 }, (_, at) => db.put(`put-${at}`, at)));
    db.on("shard-failed", () => say("failed"));
    say("ready");
    setInterval(() => undefined, 1000);
    break;
  case "load":
    say("ready");
    await db.bulkLoad(
      (function* () {
        for (let at = 0; ; at++) {
          yield [`load-${at % 50_000}`, "x".repeat(100)] as const;
        }
      })(),
    );
    break;
  case "end":
    await db.put("ended", 1);
    await db.close();
    say("ready");
    break;
  case "exit":
    await db.put("ended", 1);
    say("ready");
    process.exit(3);
    break;
  case "throw":
    await db.put("ended", 1);
    say("ready");
    setImmediate(() => {
      throw new Error("not caught");
    });
    break;
  default:
    say("ready");
    setInterval(() => undefined, 1000);
}
