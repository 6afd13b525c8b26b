/** stats, shards, snapshot, flush, compact. */

import { CommandFailure } from "fastkv-cli/kit/failure";
import { startTicker } from "fastkv-cli/kit/progress";
import { printStats } from "../../stats.js";
import { type ShellCommand, untilAborted } from "../command.js";
import type { Session } from "../session.js";
import { showShards } from "../shards-table.js";

const stats: ShellCommand = {
  name: "stats",
  usage: "stats",
  summary: "show the statistics as JSON",
  words: [0, 0],
  async run(session, _args, signal) {
    printStats(await untilAborted(session.db.stats(), signal), session.output);
  },
};

const shards: ShellCommand = {
  name: "shards",
  usage: "shards [--once]",
  summary: "show a table of the shards, live until a key is pressed",
  options: { once: "flag" },
  words: [0, 0],
  async run(session, args, signal) {
    await showShards(session, args.flag("once"), signal);
  },
};

const snapshot: ShellCommand = {
  name: "snapshot",
  usage: "snapshot [end]",
  summary: "hold this moment: get, scan, count, has and export look at it until snapshot end",
  words: [0, 1],
  completes: [["end"], []],
  async run(session, args, signal) {
    const action = args.text(0);
    if (action === "end") {
      if (!session.snapshot) {
        throw new CommandFailure("No snapshot is open");
      }
      await session.releaseSnapshot();
      session.output.say("OK");
    } else if (action === undefined) {
      await session.releaseSnapshot();
      session.snapshot = await untilAborted(session.db.snapshot(), signal);
      session.output.say("Snapshot taken: reads look at this moment until snapshot end");
    } else {
      throw new CommandFailure("Usage: snapshot [end]");
    }
  },
};

const flush: ShellCommand = {
  name: "flush",
  usage: "flush",
  summary: "write what is in memory to tables",
  words: [0, 0],
  run: (session, _args, signal) => withTicker(session, "Flushing", session.db.flush(), signal),
};

const compact: ShellCommand = {
  name: "compact",
  usage: "compact",
  summary: "merge all tables; Ctrl-C stops the waiting, the merging goes on",
  words: [0, 0],
  run: (session, _args, signal) => withTicker(session, "Compacting", session.db.compact(), signal),
};

async function withTicker(
  session: Session,
  label: string,
  work: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const ticker = await startTicker(label, session.interactive);
  try {
    await untilAborted(work, signal);
  } finally {
    ticker.stop();
  }
  session.output.say("OK");
}

export const keepingCommands: readonly ShellCommand[] = [stats, shards, snapshot, flush, compact];
