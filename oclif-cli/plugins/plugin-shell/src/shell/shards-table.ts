/** The command `shards`: a table of the shard processes that renews itself until a key is pressed. */

import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseStats } from "fastkv";
import { renderTable } from "fastkv-cli/kit/table";
import { shardColumns, shardRow } from "../shard-rows.js";
import { untilAborted } from "./command.js";
import type { Session } from "./session.js";

const refreshMs = 1_000;

export async function showShards(session: Session, once: boolean, signal: AbortSignal): Promise<void> {
  const { keyPressed } = session;
  const read = async (): Promise<string> => table(await untilAborted(session.db.stats(), signal));
  if (once || !keyPressed) {
    session.output.say(await read());
    return;
  }
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  void keyPressed(stop).then(
    () => done.abort(),
    () => {},
  );
  for (let shown = 0; !stop.aborted; ) {
    const text = await read();
    process.stdout.write(`${shown > 0 ? `\x1b[${shown}A\x1b[J` : ""}${text}\n`);
    shown = text.split("\n").length;
    await delay(refreshMs, undefined, { signal: stop }).catch(() => {});
  }
  done.abort();
}

async function table(stats: DatabaseStats): Promise<string> {
  return renderTable(shardColumns, stats.shards.map(shardRow));
}
