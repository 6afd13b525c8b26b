/**
 * A job queue in time order. Jobs may be due later, are tried again when they fail, and survive a crash of the worker.
 *
 *   due:<time>:<id>   a job that waits; keys sort by time, so the first key is the next job
 *   running:<id>      a job that a worker took and has not finished
 *
 * A job moves from one to the other in an atomic batch: it is never in both places and never in none.
 *
 * Usage: node examples/job-queue.js [folder]
 */

import { FastKV } from "fastkv";

/** @typedef {{ id: string, kind: string, tries: number }} Job */

const maxTries = 3;
const firstRetryMs = 20;

/** Keys sort as text, so a time is written with a fixed number of digits. */
const dueKey = (/** @type {number} */ timeMs, /** @type {string} */ id) =>
  `due:${String(timeMs).padStart(15, "0")}:${id}`;

class JobQueue {
  /** @param {FastKV<Job>} db */
  constructor(db) {
    this.db = db;
  }

  /** What a worker that crashed had taken is due again, now. */
  async recover() {
    const lost = await this.db.scan("running:").toArray();
    await this.db.batch(
      lost.flatMap(([key, job]) => [
        { type: "del", key },
        { type: "put", key: dueKey(Date.now(), job.id), value: job },
      ]),
    );
    return lost.length;
  }

  /** Resolves when the job is on disk: whoever asked for it may rely on it. */
  async add(/** @type {string} */ id, /** @type {string} */ kind, delayMs = 0) {
    const job = { id, kind, tries: 0 };
    await this.db.put(dueKey(Date.now() + delayMs, id), job, { durability: "sync" });
  }

  /** Takes the job that has been due for longest, or says when the next one will be. */
  async take() {
    const [next] = await this.db.scan("due:", 1).toArray();
    if (next === undefined) {
      return { job: undefined, waitMs: undefined };
    }
    const [key, job] = next;
    const waitMs = Number(key.split(":")[1]) - Date.now();
    if (waitMs > 0) {
      return { job: undefined, waitMs };
    }
    const taken = { ...job, tries: job.tries + 1 };
    await this.db.batch([
      { type: "del", key },
      { type: "put", key: `running:${job.id}`, value: taken },
    ]);
    return { job: taken, waitMs: undefined };
  }

  async done(/** @type {Job} */ job) {
    await this.db.delete(`running:${job.id}`);
  }

  /** Puts a failed job back for later, each time twice as late. */
  async retry(/** @type {Job} */ job) {
    const dueMs = Date.now() + firstRetryMs * 2 ** (job.tries - 1);
    await this.db.batch([
      { type: "del", key: `running:${job.id}` },
      { type: "put", key: dueKey(dueMs, job.id), value: job },
    ]);
  }
}

/** The work itself: sending reports fails the first time. */
async function perform(/** @type {Job} */ job) {
  if (job.kind === "report" && job.tries === 1) {
    throw new Error("the mail server is busy");
  }
}

const db = /** @type {FastKV<Job>} */ (await FastKV.open(process.argv[2] ?? "./job-queue-database"));
const queue = new JobQueue(db);
console.log(`recovered ${await queue.recover()}`);

await queue.add("clean-up", "clean", 1000);
await queue.add("mail", "report");
await queue.add("thumbnail", "image");

for (;;) {
  const { job, waitMs } = await queue.take();
  if (job !== undefined) {
    try {
      await perform(job);
      await queue.done(job);
      console.log(`done ${job.id}, try ${job.tries}`);
    } catch (error) {
      console.log(`failed ${job.id}, try ${job.tries}: ${/** @type {Error} */ (error).message}`);
      await (job.tries < maxTries ? queue.retry(job) : queue.done(job));
    }
  } else if (waitMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  } else {
    break;
  }
}

console.log(`left ${await db.count()}`);
await db.close();
