/** The calls that wait for a shard's answer. */

import type { FastKVError } from "../../shared/errors.js";
import type { ReadPoint } from "../../shared/read-point.js";
import type { FoundValue } from "../encoding/value-reader.js";

/** A point read in flight. Answers arrive in the order of the reads. */
export interface PendingRead {
  readonly key: Uint8Array | string;
  readonly withValue: boolean;
  /** The bytes that it counts as in flight; set by the client that sends it. */
  inFlightBytes: number;
  /** If undefined, reads the newest version at its place in the order of calls. */
  readonly snapshot: ReadPoint | undefined;
  onMissing(): void;
  onFound(found: FoundValue): void;
  onError(error: FastKVError): void;
  /**
   * The shard died before it answered. Returns true to have the read sent again, false if the owner repeats it (as for
   * a read of several keys, which must be of one moment).
   */
  onRestart(): boolean;
}

export interface PendingWrite {
  sequence: number;
  /** Waits for earlier writes and is not a write itself: a refusal of writes does not affect it. */
  isBarrier?: boolean;
  resolve(): void;
  reject(error: FastKVError): void;
}
