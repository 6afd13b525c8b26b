/** What the clients of a store called and what they were told: what the checkers judge. */

/** What a key has: the number of the write that put it, or `missing`. */
export type Version = number;

export const missing: Version = 0;
/** Only in reads: there is a value, and nobody asked which. */
export const present: Version = -1;

/** Moments are places in one order: a counter that is raised at each call and at each answer. */
export type Moment = number;

/** A put, a delete, a batch or a clear. */
export interface RecordedWrite {
  /** Above 0, and no other write's: what it puts is known by it. */
  readonly id: Version;
  readonly callAt: Moment;
  /** The answer; of one in doubt the moment after which it may no longer take effect. */
  endAt: Moment;
  /** "in-doubt": its caller got no answer, or an error that leaves it open. "refused": it must not have happened. */
  outcome: "done" | "refused" | "in-doubt";
  /** Every key that it writes, with its own number or `missing`. */
  readonly changes: ReadonlyMap<string, Version>;
}

/** Values that were read together, as of one moment. */
export interface RecordedRead {
  /** Names it in messages. */
  readonly name: string;
  readonly callAt: Moment;
  readonly endAt: Moment;
  /** Order of calls: what it shows is the state at `callAt`, or at a later moment up to this one. */
  readonly latestAt: Moment;
  /** Every key that it covers, also those that it found missing. */
  readonly values: ReadonlyMap<string, Version>;
  /** How many of some keys it found. */
  readonly count?: { readonly keys: readonly string[]; readonly found: number };
}

export interface RecordedHistory {
  /** In the order of their calls. */
  readonly writes: readonly RecordedWrite[];
  readonly reads: readonly RecordedRead[];
}

export function shows(read: Version, version: Version): boolean {
  return read === present ? version !== missing : read === version;
}

export function named(version: Version): string {
  return version === missing ? "nothing" : version === present ? "a value" : `value ${version}`;
}
