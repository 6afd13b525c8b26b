/** The commands of the shell that take one key and answer with one text: get, has, ttl, delete. */

import type { Key } from "../text/key.js";
import { type ShellCommand, untilAborted } from "./command.js";
import type { Session } from "./session.js";

/** `answer` returns the text to print. Ctrl-C stops waiting for it. */
export function keyCommand(
  name: string,
  summary: string,
  answer: (session: Session, key: Key) => Promise<string>,
): ShellCommand {
  return {
    name,
    usage: `${name} KEY`,
    summary,
    words: [1, 1],
    completes: ["key"],
    async run(session, args, signal) {
      session.output.say(await untilAborted(answer(session, args.key(0)), signal));
    },
  };
}
