/** get, scan, count, has, ttl. */

import { formatDurationMs } from "fastkv-cli/kit/duration";
import { printScan } from "../../scan.js";
import { displayKey, type Key } from "../../text/key.js";
import { formatPretty } from "../../text/value.js";
import { type ShellCommand, untilAborted } from "../command.js";
import { keyCommand } from "../key-command.js";
import { rangeOptions, readRange, readScan, scanOptions } from "../range.js";

const get = keyCommand("get", "show the value of a key", async (session, key) => {
  const value = await session.db.get(key, session.view);
  return value === undefined ? notFound(key) : formatPretty(value);
});

const scan: ShellCommand = {
  name: "scan",
  usage:
    "scan [PREFIX] [LIMIT] [--prefix P] [--limit N] [--reverse] [--gt KEY] [--gte KEY] [--lt KEY] [--lte KEY] [--keys]",
  summary: "list keys and values in order",
  details:
    'scan ""        everything\nscan user: 5   the first five keys that begin with user:\nCtrl-C stops a long one.',
  options: { ...scanOptions, keys: "flag" },
  words: [0, 2],
  completes: ["key", []],
  async run(session, args, signal) {
    const options = readScan(args, args.word(0), args.text(1));
    const format = args.flag("keys") ? "keys" : "text";
    const count = await printScan(
      session.db,
      { ...options, ...session.view },
      format,
      session.output,
      signal,
    );
    session.output.say(`Total: ${count} items`);
  },
};

const count: ShellCommand = {
  name: "count",
  usage: "count [PREFIX] [--prefix P] [--gt KEY] [--gte KEY] [--lt KEY] [--lte KEY]",
  summary: "count keys",
  options: rangeOptions,
  words: [0, 1],
  completes: ["key"],
  async run(session, args, signal) {
    const range = readRange(args, args.word(0));
    session.output.say(String(await untilAborted(session.db.count({ ...range, ...session.view }), signal)));
  },
};

const has = keyCommand("has", "tell whether a key is there: true or false", async (session, key) =>
  String(await session.db.has(key, session.view)),
);

const ttl = keyCommand("ttl", "show how long a key will live", async (session, key) => {
  const ms = await session.db.ttl(key, session.view);
  if (ms === undefined) {
    return notFound(key);
  }
  return ms === Number.POSITIVE_INFINITY ? "No expiry" : `${Math.round(ms)} ms (${formatDurationMs(ms)})`;
});

function notFound(key: Key): string {
  return `Key not found: ${displayKey(key)}`;
}

export const readingCommands: readonly ShellCommand[] = [get, scan, count, has, ttl];
