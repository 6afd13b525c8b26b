/**
 * A change counter: how often each page of a wiki was changed, and by whom, kept in step with the pages by batches.
 *
 *   page:<title>              the text as it is now
 *   change:<number>           what was changed, in order
 *   count:page:<title>        how many changes the page has had
 *   count:author:<name>       how many changes the author has made
 *   count:all                 how many changes there were; the number of the last one
 *
 * Every change writes all five in one batch: whatever crashes, the counters are those of the changes that are there.
 *
 * Usage: node examples/change-counter.js [folder]
 */

import { FastKV } from "fastkv";

class Wiki {
  /** Changes wait for each other, since each adds to what the one before has counted. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {FastKV} db */
  constructor(db) {
    this.db = db;
  }

  /** Resolves to the number of the change when it is on disk. */
  change(/** @type {string} */ title, /** @type {string} */ author, /** @type {string} */ text) {
    const changed = this.#last.then(() => this.#write(title, author, text));
    // A change that fails has written nothing: the next one goes on from there.
    this.#last = changed.catch(() => undefined);
    return changed;
  }

  /** @returns {Promise<number>} */
  async #write(/** @type {string} */ title, /** @type {string} */ author, /** @type {string} */ text) {
    const counters = ["count:all", `count:page:${title}`, `count:author:${author}`];
    const values = (await this.db.getMany(counters)).map((value) => Number(value ?? 0) + 1);
    const [number = 1] = values;
    await this.db.batchPut(
      [
        [`page:${title}`, text],
        [`change:${String(number).padStart(9, "0")}`, { title, author, length: text.length }],
        ...counters.map((key, index) => /** @type {[string, number]} */ ([key, values[index]])),
      ],
      { durability: "sync" },
    );
    return number;
  }

  /** The counters and the changes as of one moment, however many changes are on their way. */
  async report() {
    const snapshot = await this.db.snapshot();
    try {
      const pages = await snapshot.scan("count:page:").toArray();
      const sum = pages.reduce((total, [, count]) => total + Number(count), 0);
      const [all = 0] = await snapshot.getMany(["count:all"]);
      const changes = await snapshot.count({ prefix: "change:" });
      const ranking = pages.map(([key, count]) => `${key.slice("count:page:".length)} ${count}`).join(", ");
      return { all, sum, changes, ranking };
    } finally {
      await snapshot.close();
    }
  }
}

const db = await FastKV.open(process.argv[2] ?? "./change-counter-database");
const wiki = new Wiki(db);

const before = await wiki.report();
console.log(`before: ${before.all} changes`);

// Many authors at once; a report in the middle of it is whole all the same.
const authors = ["Ada", "Grace", "Linus"];
const changes = Array.from({ length: 30 }, (_, index) =>
  wiki.change(index % 3 === 0 ? "Home" : "News", authors[index % 2] ?? "", `text ${index}`),
);
await changes[9];
const during = await wiki.report();
console.log(`during: in step ${during.all === during.sum && during.sum === during.changes}`);
await Promise.all(changes);

const after = await wiki.report();
console.log(`after: ${after.all} changes, ${after.sum} by page, ${after.changes} recorded: ${after.ranking}`);
console.log(`by Ada ${await db.get("count:author:Ada")}, by Grace ${await db.get("count:author:Grace")}`);
await db.close();
