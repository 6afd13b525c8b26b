/**
 * What a store may hold after a crash. Every write that was sent is known here in the order of the calls; each shard
 * must hold a prefix of what was sent to it, but for whole logged batches beyond it (and those in every shard).
 */

import { hashBytes } from "../../../shared/hash.js";
import { SortedModel } from "../../model/sorted-model.js";

export type Change =
  | { type: "put"; key: string; value: string; expiresAt: number }
  | { type: "delete"; key: string }
  | { type: "clear"; lower: string; upper: string | null };

export interface SentWrite {
  changes: Change[];
  /** Whether it went through the batch log: then it is in all of its shards or in none. */
  isLogged: boolean;
  /** What its caller was told. */
  outcome: "pending" | "background" | "sync";
  /** It was rejected as in doubt: it may be missing although what was sent behind it is there. */
  isDoubted?: boolean;
}

interface ShardHistory {
  /** Places in the list of all writes. */
  places: number[];
  changes: Change[][];
}

export class Oracle {
  readonly writes: SentWrite[] = [];
  readonly #shards: number;

  constructor(shards: number) {
    this.#shards = shards;
  }

  shardOf(key: string): number {
    const bytes = Buffer.from(key, "latin1");
    return this.#shards === 1 ? 0 : hashBytes(bytes, 0, bytes.length) % this.#shards;
  }

  send(changes: Change[], goesToAll: boolean): SentWrite {
    const touched = goesToAll ? this.#shards : this.shardsOf(changes).size;
    const write: SentWrite = { changes, isLogged: touched > 1, outcome: "pending" };
    this.writes.push(write);
    return write;
  }

  shardsOf(changes: readonly Change[]): Set<number> {
    const all = Array.from({ length: this.#shards }, (_, shard) => shard);
    return new Set(changes.flatMap((one) => (one.type === "clear" ? all : [this.shardOf(one.key)])));
  }

  /** Everything that was called is durable: a flush or close has returned. */
  noteAllDurable(): void {
    for (const write of this.writes) {
      write.outcome = "sync";
    }
  }

  /** Throws unless `found` is a state that the crash may leave. With `keepsAll` nothing acknowledged may be missing. */
  check(found: ReadonlyMap<string, string>, nowMs: number, keepsAll: boolean): void {
    const logged = this.writes.flatMap((write, place) => (write.isLogged ? [place] : []));
    const perShard = Array.from({ length: this.#shards }, () => new Map<string, string>());
    for (const [key, value] of found) {
      perShard[this.shardOf(key)]!.set(key, value);
    }
    const isDue = ({ outcome }: SentWrite): boolean =>
      outcome === "sync" || (keepsAll && outcome === "background");
    const failures: string[] = [];
    // Which logged writes are there? Each shard must agree to one answer. Those that are due are there for sure, and
    // few are open at a crash.
    const open = logged.filter((place) => !isDue(this.writes[place]!));
    for (const present of this.#choices(open, perShard)) {
      const failure = this.#firstUnfit(perShard, new Set(present), nowMs, isDue);
      if (failure === undefined) {
        return;
      }
      failures.push(failure);
    }
    throw new Error(`No history explains what was found: ${failures.slice(0, 4).join("; ")}`);
  }

  /** Subsets of the open logged writes: what marks them in the data decides; the others are tried both ways. */
  *#choices(open: readonly number[], perShard: readonly ReadonlyMap<string, string>[]): Generator<number[]> {
    const undecided: number[] = [];
    const sure: number[] = [];
    for (const place of open) {
      const { changes } = this.writes[place]!;
      const markers = changes.filter((one) => one.type === "put" && one.key.startsWith("~"));
      if (markers.length === 0) {
        undecided.push(place);
      } else if (markers.some((one) => one.type === "put" && perShard[this.shardOf(one.key)]!.has(one.key))) {
        sure.push(place);
      }
    }
    const last = undecided.slice(-8);
    for (let choice = (1 << last.length) - 1; choice >= 0; choice--) {
      yield [...sure, ...undecided.slice(0, -8), ...last.filter((_, at) => ((choice >> at) & 1) === 1)];
    }
  }

  #firstUnfit(
    perShard: readonly ReadonlyMap<string, string>[],
    present: ReadonlySet<number>,
    nowMs: number,
    isDue: (write: SentWrite) => boolean,
  ): string | undefined {
    for (let shard = 0; shard < this.#shards; shard++) {
      const history = this.#historyOf(shard, perShard[shard]!);
      const isThere = (place: number): boolean => present.has(place) || isDue(this.writes[place]!);
      const least = history.places.findLastIndex(
        (place) => !this.writes[place]!.isLogged && isDue(this.writes[place]!),
      );
      if (!hasFit(history, least + 1, perShard[shard]!, nowMs, this.writes, isThere)) {
        const nearest = nearestFit(history, least + 1, perShard[shard]!, nowMs, this.writes, isThere);
        return `shard ${shard} fits no prefix from ${least + 1} of ${history.places.length} writes; ${nearest}`;
      }
    }
    return undefined;
  }

  /** Without the writes in doubt of this shard alone that are seen to be missing, which the last on their keys are. */
  #historyOf(shard: number, found: ReadonlyMap<string, string>): ShardHistory {
    const history: ShardHistory = { places: [], changes: [] };
    const later: Change[] = [];
    for (let place = this.writes.length - 1; place >= 0; place--) {
      const { changes, isLogged, isDoubted } = this.writes[place]!;
      const own = changes.filter((one) => one.type === "clear" || this.shardOf(one.key) === shard);
      const isMissing = isDoubted && !isLogged && own.some((one) => isSeenMissing(one, found, later));
      if (own.length > 0 && !isMissing) {
        history.places.unshift(place);
        history.changes.unshift(own);
        later.push(...own);
      }
    }
    return history;
  }
}

/** Whether `change`, which the `later` ones came behind, has left no trace where it must have left one. */
function isSeenMissing(
  change: Change,
  found: ReadonlyMap<string, string>,
  later: readonly Change[],
): boolean {
  if (change.type === "clear" || later.some((one) => touches(one, change.key))) {
    return false;
  }
  return found.get(change.key) !== (change.type === "put" ? change.value : undefined);
}

function touches(change: Change, key: string): boolean {
  if (change.type === "clear") {
    return change.lower <= key && (change.upper === null || key < change.upper);
  }
  return change.key === key;
}

/** Whether some prefix of at least `least` writes, with all logged writes that are there, gives what was found. */
function hasFit(
  history: ShardHistory,
  least: number,
  found: ReadonlyMap<string, string>,
  nowMs: number,
  writes: readonly SentWrite[],
  isThere: (place: number) => boolean,
): boolean {
  const model = new SortedModel();
  for (let length = 0; length <= history.places.length; length++) {
    if (length >= least && isAsFound(withLogged(model, history, length, writes, isThere), found, nowMs)) {
      return true;
    }
    const place = history.places[length];
    if (place === undefined || (writes[place]!.isLogged && !isThere(place))) {
      return false;
    }
    apply(model, history.changes[length]!);
  }
  return false;
}

/** For the message of a failure: which prefix differs least, and in what. */
function nearestFit(
  history: ShardHistory,
  least: number,
  found: ReadonlyMap<string, string>,
  nowMs: number,
  writes: readonly SentWrite[],
  isThere: (place: number) => boolean,
): string {
  let nearest: { length: number; odd: string[] } | undefined;
  for (let length = least; length <= history.places.length; length++) {
    const model = new SortedModel();
    for (const changes of history.changes.slice(0, length)) {
      apply(model, changes);
    }
    const expected = withLogged(model, history, length, writes, isThere);
    const visible = new Map([...expected.visible(nowMs)].map(([key, { value }]) => [key, value]));
    const odd = [...new Set([...found.keys(), ...visible.keys()])]
      .filter((key) => found.get(key) !== visible.get(key))
      .map((key) => `${key}: ${found.get(key)?.slice(0, 8)} instead of ${visible.get(key)?.slice(0, 8)}`);
    if (nearest === undefined || odd.length < nearest.odd.length) {
      nearest = { length, odd };
    }
  }
  return nearest === undefined ? "nothing" : `after ${nearest.length}: ${nearest.odd.slice(0, 4).join(", ")}`;
}

function withLogged(
  prefix: SortedModel,
  history: ShardHistory,
  length: number,
  writes: readonly SentWrite[],
  isThere: (place: number) => boolean,
): SortedModel {
  let state = prefix;
  history.places.forEach((place, at) => {
    if (at >= length && writes[place]!.isLogged && isThere(place)) {
      state = state === prefix ? prefix.copy() : state;
      apply(state, history.changes[at]!);
    }
  });
  return state;
}

function isAsFound(model: SortedModel, found: ReadonlyMap<string, string>, nowMs: number): boolean {
  let count = 0;
  for (const [key, { value }] of model.visible(nowMs)) {
    count += 1;
    if (found.get(key) !== value) {
      return false;
    }
  }
  return count === found.size;
}

function apply(model: SortedModel, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.type === "put") {
      model.put(change.key, change.value, change.expiresAt);
    } else if (change.type === "delete") {
      model.delete(change.key);
    } else {
      model.clear(change.lower, change.upper);
    }
  }
}
