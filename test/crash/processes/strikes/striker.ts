/** The one that strikes, in each of the processes: it counts the calls of the step, and kills. */

import fs from "node:fs";
import path from "node:path";
import threads from "node:worker_threads";
import { noteNames, type Step, type StrikeOrder, strikeVariable } from "./strike.js";

type Done = (error: Error | null, result?: number) => void;

// What node:fs has before it is watched.
const { linkSync, writeFileSync } = fs;

export class Striker {
  readonly order = JSON.parse(process.env[strikeVariable]!) as StrikeOrder;
  /** Worker threads are a shard's. */
  readonly isShard =
    !threads.isMainThread || process.argv[1]!.endsWith(path.join("shard", "bundle", "main.js"));
  /** Of the coordinator's process: its shards, in the order of their starts. */
  readonly shardPids: number[] = [];
  /** The program leads a process group of its own, which its shards are in. */
  readonly #coordinator = this.isShard ? process.ppid : process.pid;
  #calls = 0;

  note(name: string): string {
    return path.join(this.order.notes, name);
  }

  hasNote(name: string): boolean {
    return fs.existsSync(this.note(name));
  }

  /** Whether this call is the one. */
  isDue(step: Step | undefined): boolean {
    // Before the first shard is started there is none to kill.
    const hasVictim = this.isShard || this.order.victim !== "shard" || this.shardPids.length > 0;
    if (step !== this.order.step || !hasVictim) {
      return false;
    }
    this.#calls += 1;
    return this.#calls === this.order.nth;
  }

  /** Only once in a cycle, whichever process comes first. A process that strikes itself does not come back. */
  strike(): void {
    const { order, shardPids, isShard } = this;
    const temporary = this.note(`${noteNames.struck}.${process.pid}-${threads.threadId}`);
    writeFileSync(temporary, order.step);
    try {
      linkSync(temporary, this.note(noteNames.struck));
    } catch {
      // Another process was faster, or this one has done it.
      return;
    }
    if (order.victim === "everything") {
      process.kill(-this.#coordinator, "SIGKILL");
    } else if (order.victim === "coordinator") {
      process.kill(this.#coordinator, "SIGKILL");
    } else {
      process.kill(isShard ? process.pid : shardPids[order.shard % shardPids.length]!, "SIGKILL");
    }
  }

  /** Makes a call, and strikes where it is due; `inPart` does a part of the call. */
  around<T>(step: Step | undefined, call: () => T, inPart?: () => void): T {
    if (!this.isDue(step)) {
      return call();
    }
    const { moment } = this.order;
    if (moment === "within") {
      inPart?.();
    }
    if (moment === "before" || (moment === "within" && inPart !== undefined)) {
      this.strike();
      return call();
    }
    const result = call();
    this.strike();
    return result;
  }

  aroundAsync(step: Step | undefined, call: (done: Done) => void, done: Done, inPart?: () => void): void {
    if (!this.isDue(step)) {
      call(done);
      return;
    }
    const { moment } = this.order;
    if (moment === "after") {
      call((...results) => {
        this.strike();
        done(...results);
      });
    } else if (moment === "within" && inPart === undefined) {
      // It runs in the thread pool by now.
      call(done);
      this.strike();
    } else {
      if (moment === "within") {
        inPart?.();
      }
      this.strike();
      call(done);
    }
  }
}
