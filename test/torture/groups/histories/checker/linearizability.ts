/**
 * Whether the history of each key is linearizable: whether its calls can be put into one order, each at a moment
 * between its call and its answer, in which every read shows the write before it. Nothing is assumed of the order.
 *
 * The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with Lowe's memory of places
 * that led nowhere (Testing for Linearizability, 2017): it goes in call order where it can, and back where it must.
 */

import {
  type Moment,
  missing,
  named,
  type RecordedHistory,
  type RecordedWrite,
  shows,
  type Version,
} from "./history.js";

/** One call on one key. */
interface KeyCall {
  readonly name: string;
  readonly callAt: Moment;
  readonly endAt: Moment;
  readonly isWrite: boolean;
  /** It need not have happened. */
  readonly isInDoubt: boolean;
  readonly value: Version;
}

export interface LinearizabilityReport {
  /** What is wrong with a key; undefined where nothing is. */
  readonly violation: string | undefined;
  /** Keys whose search was given up: neither right nor wrong. */
  readonly undecided: number;
  readonly keys: number;
}

/** Steps of the search for one key. A right history takes about one for each call. */
const maxSteps = 300_000;

export function checkLinearizability(history: RecordedHistory): LinearizabilityReport {
  const byKey = callsByKey(history);
  let undecided = 0;
  for (const [key, calls] of byKey) {
    const search = new Search(calls);
    const verdict = search.run();
    if (verdict === "undecided") {
      undecided += 1;
    } else if (verdict === "wrong") {
      const violation = `Key ${key} is not linearizable: ${search.furthest()}`;
      return { violation, undecided, keys: byKey.size };
    }
  }
  return { violation: undefined, undecided, keys: byKey.size };
}

function callsByKey({ writes, reads }: RecordedHistory): Map<string, KeyCall[]> {
  const byKey = new Map<string, KeyCall[]>();
  const add = (key: string, call: KeyCall): void => {
    const calls = byKey.get(key);
    if (calls === undefined) {
      byKey.set(key, [call]);
    } else {
      calls.push(call);
    }
  };
  const happened = (write: RecordedWrite): boolean => write.outcome !== "refused";
  for (const { id, callAt, endAt, outcome, changes } of writes.filter(happened)) {
    for (const [key, value] of changes) {
      const isInDoubt = outcome === "in-doubt";
      add(key, { name: `write ${id}`, callAt, endAt, isWrite: true, isInDoubt, value });
    }
  }
  for (const { name, callAt, endAt, values } of reads) {
    for (const [key, value] of values) {
      add(key, { name, callAt, endAt, isWrite: false, isInDoubt: false, value });
    }
  }
  for (const calls of byKey.values()) {
    calls.sort((one, other) => one.callAt - other.callAt);
  }
  return byKey;
}

interface Step {
  readonly place: number;
  readonly before: Version;
  readonly latestCallBefore: Moment;
  /** A read that fits takes nothing from what can follow: there is no other choice worth a try. */
  readonly isSure: boolean;
}

class Search {
  readonly #calls: readonly KeyCall[];
  readonly #isTaken: boolean[];
  /** All calls before it are taken. */
  #first = 0;
  #value: Version = missing;
  /** The latest call among those taken: what ended before it can no longer come. */
  #latestCall: Moment = Number.NEGATIVE_INFINITY;
  readonly #path: Step[] = [];
  readonly #seen = new Set<string>();
  #taken = 0;
  #mostTaken = -1;
  #stuck = "";

  constructor(calls: readonly KeyCall[]) {
    this.#calls = calls;
    this.#isTaken = new Array<boolean>(calls.length).fill(false);
  }

  run(): "right" | "wrong" | "undecided" {
    let from = 0;
    for (let steps = 0; steps < maxSteps; steps += 1) {
      const { place, isSure, isDone } = this.#choose(from);
      if (isDone) {
        return "right";
      }
      if (place !== undefined) {
        this.#take(place, isSure);
        from = this.#isNew() ? 0 : this.#goBack();
      } else {
        this.#noteStuck();
        from = this.#goBack();
      }
      if (from === Number.POSITIVE_INFINITY) {
        return "wrong";
      }
    }
    return "undecided";
  }

  /** Where the longest order that was found could not go on. */
  furthest(): string {
    return this.#stuck;
  }

  /** The next call to be tried, from a place on; those that answered before another was called come before it. */
  #choose(from: number): { place?: number; isSure: boolean; isDone: boolean } {
    let earliestEnd = Number.POSITIVE_INFINITY;
    let write: number | undefined;
    let isDone = true;
    for (let place = this.#first; place < this.#calls.length; place += 1) {
      const call = this.#calls[place]!;
      if (call.callAt > earliestEnd) {
        break;
      }
      if (this.#isTaken[place]) {
        continue;
      }
      if (!call.isInDoubt) {
        isDone = false;
        earliestEnd = Math.min(earliestEnd, call.endAt);
      }
      if (call.isWrite) {
        const canStillCome = !call.isInDoubt || call.endAt > this.#latestCall;
        if (write === undefined && place >= from && canStillCome) {
          write = place;
        }
      } else if (from === 0 && shows(call.value, this.#value)) {
        return { place, isSure: true, isDone: false };
      }
    }
    return write === undefined ? { isSure: false, isDone } : { place: write, isSure: false, isDone };
  }

  #take(place: number, isSure: boolean): void {
    const call = this.#calls[place]!;
    this.#path.push({ place, before: this.#value, latestCallBefore: this.#latestCall, isSure });
    this.#isTaken[place] = true;
    this.#taken += 1;
    this.#latestCall = Math.max(this.#latestCall, call.callAt);
    if (call.isWrite) {
      this.#value = call.value;
    }
    while (this.#isTaken[this.#first]) {
      this.#first += 1;
    }
  }

  /** Undoes steps up to one that had another choice; the place from which that is looked for. */
  #goBack(): number {
    for (let step = this.#path.pop(); step !== undefined; step = this.#path.pop()) {
      this.#isTaken[step.place] = false;
      this.#taken -= 1;
      this.#first = Math.min(this.#first, step.place);
      this.#value = step.before;
      this.#latestCall = step.latestCallBefore;
      if (!step.isSure) {
        return step.place + 1;
      }
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Whether the same calls with the same value last were never reached before. */
  #isNew(): boolean {
    const beyond: number[] = [];
    // All that is taken lies before the latest call that is taken.
    for (let place = this.#first, left = this.#taken - this.#first; left > 0; place += 1) {
      if (this.#isTaken[place]) {
        beyond.push(place);
        left -= 1;
      }
    }
    const name = `${this.#first}/${this.#value}/${beyond.join()}`;
    const isNew = !this.#seen.has(name);
    this.#seen.add(name);
    return isNew;
  }

  #noteStuck(): void {
    if (this.#taken > this.#mostTaken) {
      this.#mostTaken = this.#taken;
      const open = this.#calls
        .slice(this.#first)
        .filter((call, at) => !this.#isTaken[this.#first + at] && !call.isInDoubt)
        .slice(0, 4)
        .map((call) => {
          const what = `${call.isWrite ? "puts" : "shows"} ${named(call.value)}`;
          return `${call.name} (${call.callAt} to ${call.endAt}) ${what}`;
        });
      this.#stuck = `after ${this.#taken} of ${this.#calls.length} calls it has ${named(this.#value)}, but ${open.join("; ")}`;
    }
  }
}
