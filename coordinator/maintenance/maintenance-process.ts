/** A process that examines or repairs one shard of a closed database; see shard/maintenance/main.ts. */

import { type ChildProcess, fork } from "node:child_process";
import { FastKVError, fromErrorReport } from "../../shared/errors.js";
import type { MaintenanceReply, ShardTask } from "../../shared/maintenance/messages.js";
import { childEnvironment } from "../child-environment.js";
import { identityOf, type ProcessIdentity } from "../ownership/process-identity.js";

/** How maintenance processes are started; for bundlers and embedders. */
export interface MaintenanceProgram {
  module: URL;
  execPath: string;
  execArgv: readonly string[];
}

/** The entry point in this package: all its modules in one file (shared/scripts/bundle.js). */
export const defaultMaintenanceModule = new URL("../../shard/bundle/maintenance.js", import.meta.url);

export type FinalReply = Exclude<MaintenanceReply, { type: "progress" | "failed" }>;

export class MaintenanceProcess {
  readonly identity: ProcessIdentity | undefined;
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  /** Resolves when the channel has been read to its end: the exit event may arrive before the last message. */
  readonly #silent: Promise<void>;

  constructor(program: MaintenanceProgram) {
    this.#child = fork(program.module, [], {
      execPath: program.execPath,
      execArgv: [...program.execArgv],
      env: childEnvironment(),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(`could not be started: ${error.message}`));
      this.#child.once("exit", (code, signal) =>
        resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
      );
    });
    this.#silent = new Promise((resolve) => {
      this.#child.once("disconnect", resolve).once("error", resolve);
    });
    const { pid } = this.#child;
    this.identity = pid === undefined ? undefined : identityOf(pid);
  }

  /** Performs a task. `onRead` gets the number of bytes read since its last call. */
  async perform(task: ShardTask, onRead: (bytes: number) => void): Promise<FinalReply> {
    const replied = new Promise<FinalReply>((resolve, reject) => {
      this.#child.on("message", (reply: MaintenanceReply) => {
        switch (reply.type) {
          case "progress":
            onRead(reply.bytes);
            break;
          case "failed":
            reject(fromErrorReport(reply.error));
            break;
          default:
            resolve(reply);
        }
      });
    });
    // A failed send shows as an exit of the process.
    this.#child.send(task, () => undefined);
    const ended = Promise.all([this.#exited, this.#silent]).then(([how]): never => {
      throw new FastKVError(
        "FASTKV_SHARD_UNAVAILABLE",
        `The process that worked on shard ${task.shardIndex} ${how} before it was done`,
      );
    });
    return Promise.race([replied, ended]);
  }

  /** Kills the process for certain. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    await this.#exited;
  }
}
