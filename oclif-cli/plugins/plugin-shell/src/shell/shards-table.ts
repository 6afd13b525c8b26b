/** The command `shards`: a table of the shard processes that is refreshed until a key is pressed. */

import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
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
  for (let shown: string | undefined; !stop.aborted; ) {
    const text = await read();
    // The window may have been resized since: then the terminal wraps the lines differently, and they take another
    // number of rows.
    const wipe = shown === undefined ? "" : `\x1b[${screenRows(shown)}A\x1b[J`;
    process.stdout.write(`${wipe}${text}\n`);
    shown = text;
    await delay(refreshMs, undefined, { signal: stop }).catch(() => {});
  }
  done.abort();
}

/** How many rows of the screen the text takes: a line wider than the terminal takes several. */
function screenRows(text: string): number {
  const columns = process.stdout.columns || Number.POSITIVE_INFINITY;
  const rowsOf = (line: string): number =>
    Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns));
  return text.split("\n").reduce((rows, line) => rows + rowsOf(line), 0);
}

async function table(stats: DatabaseStats): Promise<string> {
  const failed = stats.failed_shards.map(({ shard, message }) => `Shard ${shard} was given up: ${message}`);
  return [await renderTable(shardColumns, stats.shards.map(shardRow)), ...failed].join("\n");
}
