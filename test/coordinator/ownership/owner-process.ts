/** Starts owner-fixture.ts in processes of their own, and talks to them. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FolderState } from "../../../coordinator/ownership/database-folder.js";
import type { ProcessIdentity } from "../../../coordinator/ownership/process-identity.js";

export type Command = { folder: string } & (
  | { kind: "prepare" | "release" | "start-shard" }
  | { kind: "acquire"; atTimeMs?: number }
  | { kind: "contend"; rounds: number }
);

export interface Answer {
  epoch?: number;
  state?: FolderState;
  shard?: ProcessIdentity;
  runtimeFolder?: string;
  /** Of the error, where the command failed. */
  code?: string;
  message?: string;
  causeCode?: string;
}

const fixture = fileURLToPath(new URL("owner-fixture.js", import.meta.url));

export class OwnerProcess {
  readonly #child: ChildProcess;

  /** As another user where `userId` is given, which takes root. */
  constructor(userId?: number) {
    this.#child = fork(fixture, userId === undefined ? {} : { uid: userId, gid: userId });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async ask(command: Command): Promise<Answer> {
    const answer = once(this.#child, "message");
    this.#child.send(command);
    const [message] = await answer;
    return message as Answer;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await exit;
    }
  }
}

/** Call it in a `describe` block: what the returned function starts is killed after each test. */
export function useOwnerProcesses(): (userId?: number) => OwnerProcess {
  const started: OwnerProcess[] = [];
  afterEach("kill the processes", async () => {
    await Promise.all(started.splice(0).map((owner) => owner.kill()));
  });
  return (userId) => {
    const owner = new OwnerProcess(userId);
    started.push(owner);
    return owner;
  };
}
