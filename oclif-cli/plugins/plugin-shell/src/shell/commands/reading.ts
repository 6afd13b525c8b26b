/** get, scan, count, has, ttl. */

import { formatDurationMs } from "fastkv-cli/kit/duration";
import { printScan } from "../../scan.js";
import { displayKey } from "../../text/key.js";
import { formatPretty } from "../../text/value.js";
import { type ShellCommand, untilAborted } from "../command.js";
import { rangeOptions, readRange, readScan, scanOptions } from "../range.js";

const get: ShellCommand = {
  name: "get",
  usage: "get KEY",
  summary: "show the value of a key",
  words: [1, 1],
  completes: ["key"],
  async run(session, args, signal) {
    const key = args.key(0);
    const value = await untilAborted(session.db.get(key, session.view), signal);
    session.output.say(value === undefined ? `Key not found: ${displayKey(key)}` : formatPretty(value));
  },
};

const scan: ShellCommand = {
  name: "scan",
  usage:
    "scan [PREFIX] [LIMIT] [--reverse] [--limit N] [--gt KEY] [--gte KEY] [--lt KEY] [--lte KEY] [--keys]",
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
  usage: "count [PREFIX] [--gt KEY] [--gte KEY] [--lt KEY] [--lte KEY]",
  summary: "count keys",
  options: rangeOptions,
  words: [0, 1],
  completes: ["key"],
  async run(session, args, signal) {
    const range = readRange(args, args.word(0));
    session.output.say(String(await untilAborted(session.db.count({ ...range, ...session.view }), signal)));
  },
};

const has: ShellCommand = {
  name: "has",
  usage: "has KEY",
  summary: "tell whether a key is there: true or false",
  words: [1, 1],
  completes: ["key"],
  async run(session, args, signal) {
    const found = session.db.has(args.key(0), session.view);
    session.output.say(String(await untilAborted(found, signal)));
  },
};

const ttl: ShellCommand = {
  name: "ttl",
  usage: "ttl KEY",
  summary: "show how long a key will live",
  words: [1, 1],
  completes: ["key"],
  async run(session, args, signal) {
    const key = args.key(0);
    const ms = await untilAborted(session.db.ttl(key, session.view), signal);
    if (ms === undefined) {
      session.output.say(`Key not found: ${displayKey(key)}`);
    } else if (ms === Number.POSITIVE_INFINITY) {
      session.output.say("No expiry");
    } else {
      session.output.say(`${Math.round(ms)} ms (${formatDurationMs(ms)})`);
    }
  },
};

export const readingCommands: readonly ShellCommand[] = [get, scan, count, has, ttl];
