/** Readers beside the writers of a program: scans that must be consistent cuts, and a snapshot that must not change. */

import type { FastKV } from "../../../coordinator/fastkv.js";
import type { Snapshot } from "../../../coordinator/snapshot/snapshot.js";

type Entry = [string, string];

/** Read of the scan that is left half-way, before it is read to its end. */
const firstPart = 5;

interface Held {
  snapshot: Snapshot<string>;
  entries: Entry[];
  /** A scan of the same moment, and what was read of it. */
  scan: AsyncIterator<Entry>;
  started: Entry[];
}

export class Watcher {
  readonly #db: FastKV<string>;
  readonly #shards: number;
  #held: Held | undefined;

  constructor(db: FastKV<string>, shards: number) {
    this.#db = db;
    this.#shards = shards;
  }

  /** Takes a snapshot and starts a scan in the same turn. */
  async hold(): Promise<void> {
    const taken = this.#db.snapshot();
    const scan = this.#db.scan()[Symbol.asyncIterator]() as AsyncIterator<Entry>;
    const snapshot = await taken;
    const started: Entry[] = [];
    while (started.length < firstPart) {
      const { done, value } = await scan.next();
      if (done === true) {
        break;
      }
      started.push(value);
    }
    this.#held = { snapshot, entries: await snapshot.scan().toArray(), scan, started };
  }

  /** Throws unless point reads, which the read cache may answer, find what a scan finds. Nothing may be written. */
  async compareReads(): Promise<void> {
    const { entries = [] } = this.#held ?? {};
    const now = await this.#db.scan().toArray();
    const keys = [...new Set([...entries, ...now].map(([key]) => key))].sort();
    const values = await Promise.all(keys.map((key) => this.#db.get(key)));
    const found = keys.flatMap((key, at): Entry[] => (values[at] === undefined ? [] : [[key, values[at]!]]));
    expectSame(found, now, "A point read differs from a scan");
  }

  /** Throws unless the snapshot and the scan show what they showed at first; gives both back. */
  async compare(): Promise<void> {
    const { snapshot, entries, scan, started } = this.#held!;
    const again = await snapshot.scan().toArray();
    for (let { done, value } = await scan.next(); done !== true; { done, value } = await scan.next()) {
      started.push(value);
    }
    await snapshot.close();
    this.#held = undefined;
    expectSame(again, entries, "A snapshot changed");
    expectSame(started, entries, "A scan differs from the snapshot of its moment");
    this.#expectCut(entries);
  }

  async release(): Promise<void> {
    await this.#held?.scan.return?.();
    await this.#held?.snapshot.close();
  }

  /** Call it before the writes of a turn: reads that they overtake, and a scan. */
  async read(): Promise<void> {
    const { entries = [] } = this.#held ?? {};
    const reads = entries.map(([key]) => this.#db.get(key));
    this.#expectCut(await this.#db.scan().toArray());
    await Promise.all(reads);
  }

  /** Keys in order, and each batch and load whole: its marks are in all shards or in none. */
  #expectCut(entries: readonly Entry[]): void {
    const marks = new Map<string, number>();
    entries.forEach(([key], at) => {
      if (at > 0 && entries[at - 1]![0] >= key) {
        throw new Error(`A scan is out of order at ${key}`);
      }
      const name = /^(~.*)-\d+$/.exec(key)?.[1];
      if (name !== undefined) {
        marks.set(name, (marks.get(name) ?? 0) + 1);
      }
    });
    for (const [name, count] of marks) {
      if (count !== this.#shards) {
        throw new Error(`A scan shows a part of a batch: ${name} has ${count} of ${this.#shards} marks`);
      }
    }
  }
}

function expectSame(actual: readonly Entry[], expected: readonly Entry[], what: string): void {
  const odd = Array.from({ length: Math.max(actual.length, expected.length) }, (_, at) => at).find(
    (at) => actual[at]?.[0] !== expected[at]?.[0] || actual[at]?.[1] !== expected[at]?.[1],
  );
  if (odd !== undefined) {
    const shown = (entry: Entry | undefined): string =>
      entry === undefined ? "nothing" : `${entry[0]} = ${entry[1].slice(0, 20)}`;
    throw new Error(`${what}: ${shown(actual[odd])} instead of ${shown(expected[odd])}`);
  }
}
