/**
 * What FastKV promises beyond linearizability: effects follow the order of calls, batches are whole, and what is read
 * together is one cut. So each read must show, for all its keys, the state after exactly the writes that were called
 * before one moment: that of its own call. Cuts that fit are prefixes of one order, and so ordered themselves.
 */

import {
  type Moment,
  missing,
  named,
  present,
  type RecordedHistory,
  type RecordedRead,
  type RecordedWrite,
  shows,
  type Version,
} from "./history.js";

/** What is wrong; undefined where nothing is. */
export function findOrderViolation(history: RecordedHistory): string | undefined {
  const origin = findOriginViolation(history);
  if (origin !== undefined) {
    return origin;
  }
  const seen = seenIds(history.reads);
  const happened = history.writes.filter(
    ({ id, outcome }) => outcome === "done" || (outcome === "in-doubt" && seen.has(id)),
  );
  return explainWith(history, new Set(happened), { tries: mostTries });
}

/** How often other deletes in doubt are supposed before a history is called wrong. */
const mostTries = 500;

/**
 * A delete in doubt has no value of its own: it has happened where that explains what is missing, and nothing else is
 * wrong then. The later ones are the likelier.
 */
function explainWith(
  history: RecordedHistory,
  happened: ReadonlySet<RecordedWrite>,
  budget: { tries: number },
): string | undefined {
  budget.tries -= 1;
  const states = new States(history.writes.filter((write) => happened.has(write)));
  const wrong = history.reads.find((read) => !states.explain(read));
  if (wrong === undefined) {
    return undefined;
  }
  const odd = states.mustBeExplained(wrong);
  const doubted = history.writes.filter(
    (write) =>
      write.outcome === "in-doubt" &&
      !happened.has(write) &&
      write.callAt < wrong.endAt &&
      odd.some((key) => write.changes.get(key) === missing),
  );
  for (const write of doubted.reverse()) {
    if (budget.tries > 0 && explainWith(history, new Set([...happened, write]), budget) === undefined) {
      return undefined;
    }
  }
  const [key] = wrong.values.keys();
  const written = writesOf(history, states.mustBeExplained(wrong)[0] ?? key ?? "", wrong.endAt);
  return `${wrong.name} (${wrong.callAt} to ${wrong.endAt}) shows no state after its call: ${states.describe(wrong)}; ${written}`;
}

/** For messages: the last writes of a key before a moment. */
function writesOf({ writes }: RecordedHistory, key: string, before: Moment): string {
  const last = writes.filter((write) => write.changes.has(key) && write.callAt < before).slice(-4);
  const shown = last.map(({ id, callAt, endAt, outcome, changes }) => {
    return `${changes.get(key) === missing ? "removed" : "put"} by ${id} (${callAt} to ${endAt}, ${outcome})`;
  });
  return `${key} was ${shown.join(", ")}`;
}

/** Values that nobody wrote there, that were refused, or that were written later. */
function findOriginViolation({ writes, reads }: RecordedHistory): string | undefined {
  const byId = new Map(writes.map((write) => [write.id, write]));
  for (const { name, endAt, values } of reads) {
    for (const [key, version] of values) {
      if (version === missing || version === present) {
        continue;
      }
      const write = byId.get(version);
      if (write === undefined || write.changes.get(key) !== version) {
        return `${name} shows ${named(version)} for ${key}, which was never written there`;
      }
      if (write.outcome === "refused") {
        return `${name} shows ${named(version)} for ${key}, which was refused`;
      }
      if (write.callAt > endAt) {
        return `${name} shows ${named(version)} for ${key} before it was written`;
      }
    }
  }
  return undefined;
}

function seenIds(reads: readonly RecordedRead[]): Set<Version> {
  const seen = new Set<Version>();
  for (const { values } of reads) {
    for (const version of values.values()) {
      seen.add(version);
    }
  }
  return seen;
}

interface KeyHistory {
  readonly callAts: Moment[];
  readonly versions: Version[];
}

/** The states that the writes lead through, in the order of their calls. */
class States {
  readonly #keys = new Map<string, KeyHistory>();
  readonly #callAts: readonly Moment[];

  constructor(writes: readonly RecordedWrite[]) {
    this.#callAts = writes.map(({ callAt }) => callAt);
    for (const { callAt, changes } of writes) {
      for (const [key, version] of changes) {
        let history = this.#keys.get(key);
        if (history === undefined) {
          history = { callAts: [], versions: [] };
          this.#keys.set(key, history);
        }
        history.callAts.push(callAt);
        history.versions.push(version);
      }
    }
  }

  /** Whether it shows the state at a moment that it may show. */
  explain(read: RecordedRead): boolean {
    if (this.#fits(read, read.callAt)) {
      return true;
    }
    for (let at = countUpTo(this.#callAts, read.callAt); at < this.#callAts.length; at += 1) {
      const moment = this.#callAts[at]!;
      if (moment > read.latestAt) {
        return false;
      }
      if (this.#fits(read, moment)) {
        return true;
      }
    }
    return false;
  }

  /** Keys of which a delete would have to explain what it shows: one of its values, or else what it counts. */
  mustBeExplained({ values, count, callAt }: RecordedRead): readonly string[] {
    for (const [key, version] of values) {
      if (!shows(version, this.#at(key, callAt))) {
        return version === missing ? [key] : [];
      }
    }
    return count?.keys ?? [];
  }

  describe(read: RecordedRead): string {
    const { callAt, values, count } = read;
    const odd = [...values.keys()].filter((key) => !shows(values.get(key)!, this.#at(key, callAt)));
    const shown = odd
      .slice(0, 4)
      .map((key) => `${key} has ${named(values.get(key)!)} instead of ${named(this.#at(key, callAt))}`);
    const rest = odd.length > 4 ? [`${odd.length - 4} more of ${values.size}`] : [];
    const counted =
      count === undefined ? [] : [`${count.found} keys instead of ${this.#count(count.keys, callAt)}`];
    return [...shown, ...rest, ...counted].join(", ");
  }

  #fits({ values, count }: RecordedRead, moment: Moment): boolean {
    for (const [key, version] of values) {
      if (!shows(version, this.#at(key, moment))) {
        return false;
      }
    }
    return count === undefined || this.#count(count.keys, moment) === count.found;
  }

  #count(keys: readonly string[], moment: Moment): number {
    return keys.filter((key) => this.#at(key, moment) !== missing).length;
  }

  #at(key: string, moment: Moment): Version {
    const history = this.#keys.get(key);
    return history?.versions[countUpTo(history.callAts, moment) - 1] ?? missing;
  }
}

/** How many of the ascending moments are not after this one. */
function countUpTo(moments: readonly Moment[], moment: Moment): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (moments[middle]! <= moment) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
