/** Histories that are written down by hand, for the tests of the checkers. */

import {
  type Moment,
  missing,
  type RecordedHistory,
  type RecordedRead,
  type RecordedWrite,
  type Version,
} from "./history.js";

/** From the call to the answer. */
export type Span = readonly [Moment, Moment];

type Entry = RecordedWrite | RecordedRead;

export function put(id: Version, [callAt, endAt]: Span, ...keys: string[]): RecordedWrite {
  const written = keys.length === 0 ? ["k"] : keys;
  return { id, callAt, endAt, outcome: "done", changes: new Map(written.map((key) => [key, id])) };
}

export function remove(id: Version, [callAt, endAt]: Span, ...keys: string[]): RecordedWrite {
  const written = keys.length === 0 ? ["k"] : keys;
  return { id, callAt, endAt, outcome: "done", changes: new Map(written.map((key) => [key, missing])) };
}

export function inDoubt(write: RecordedWrite): RecordedWrite {
  return { ...write, outcome: "in-doubt" };
}

export function refused(write: RecordedWrite): RecordedWrite {
  return { ...write, outcome: "refused" };
}

/** A read of several keys at the moment of its call. */
export function cut([callAt, endAt]: Span, values: Readonly<Record<string, Version>>): RecordedRead {
  return { name: "read", callAt, endAt, latestAt: callAt, values: new Map(Object.entries(values)) };
}

export function get(version: Version, span: Span): RecordedRead {
  return cut(span, { k: version });
}

/** A read that was sent again, to a shard that died: it may be later than its call. */
export function late(read: RecordedRead): RecordedRead {
  return { ...read, latestAt: read.endAt };
}

export function history(...entries: readonly Entry[]): RecordedHistory {
  const sorted = entries.toSorted((one, other) => one.callAt - other.callAt);
  return {
    writes: sorted.filter((entry) => "changes" in entry),
    reads: sorted.filter((entry) => "values" in entry),
  };
}
