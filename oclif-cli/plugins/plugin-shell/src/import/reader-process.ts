/** The other end of reader-main.ts: starts it, and returns what it reads. */

import { type ChildProcess, fork } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import { CommandFailure } from "fastkv-cli/kit/failure";
import { decodeGroup } from "./group-message.js";
import type { FromReader, ToReader } from "./reader-messages.js";
import type { ImportRequest } from "./request.js";
import type { SourceEntry } from "./source.js";
import { unusableSource } from "./source-failure.js";

/** Groups that are requested ahead while one is loaded. */
const groupsAhead = 4;

export class SourceReader {
  readonly #path: string;
  readonly #child: ChildProcess;
  readonly #messages: AsyncIterator<FromReader[]>;
  readonly #exited: Promise<NodeJS.Signals | null>;

  /** @param signal when it is aborted, waiting for the reader throws an AbortError */
  constructor(request: ImportRequest, signal: AbortSignal) {
    this.#path = request.path;
    this.#child = fork(fileURLToPath(new URL("./reader-main.js", import.meta.url)), {
      serialization: "advanced",
      // node:sqlite prints a warning that it is experimental.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      // Otherwise the output of failing native code would appear next to our one line.
      stdio: ["ignore", "ignore", process.env.DEBUG ? "inherit" : "ignore", "ipc"],
    });
    this.#exited = new Promise((resolve) => this.#child.once("exit", (_code, by) => resolve(by)));
    this.#messages = on(this.#child, "message", { signal, close: ["disconnect"] });
    this.#tell({ type: "open", request });
  }

  /** Opens the source. @returns how many entries it has @throws CommandFailure */
  async open(): Promise<number> {
    const message = await this.#next();
    if (message.type !== "opened") {
      throw failureOf(message);
    }
    return message.count;
  }

  /** @throws CommandFailure */
  async *groups(): AsyncGenerator<SourceEntry[]> {
    for (let ahead = 0; ahead < groupsAhead; ahead++) {
      this.#tell({ type: "next" });
    }
    for (;;) {
      const message = await this.#next();
      if (message.type === "end") {
        return;
      }
      if (message.type !== "group") {
        throw failureOf(message);
      }
      this.#tell({ type: "next" });
      yield decodeGroup(message.group);
    }
  }

  #tell(message: ToReader): void {
    // If the reader is gone, that is noticed when its next message is awaited.
    this.#child.send(message, () => {});
  }

  async #next(): Promise<FromReader> {
    const { done, value } = await this.#messages.next();
    if (done !== true) {
      return value[0]!;
    }
    const signal = await this.#exited;
    throw unusableSource(
      `${this.#path} is damaged, or not what it was said to be: its reader crashed${signal === null ? "" : ` (${signal})`}. Nothing was loaded`,
    );
  }

  /** Ends the process, whatever it is doing. */
  async close(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}

function failureOf(message: FromReader): Error {
  if (message.type !== "failed") {
    return new Error(`The reader said "${message.type}" out of turn`);
  }
  const failure = new CommandFailure(message.message, { exitCode: message.exitCode });
  if (message.stack !== undefined) {
    failure.stack = message.stack;
  }
  return failure;
}
