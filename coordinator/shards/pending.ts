/** What a shard client waits for. */

import type { FastKVError } from "../../shared/errors.js";
import type { FoundValue } from "../value-reader.js";

/** A point read on its way. Answers come in the order of the reads. */
export interface PendingRead {
  readonly key: Uint8Array | string;
  readonly withValue: boolean;
  /** What it counts as being in flight; set by the client that sends it. */
  inFlightBytes: number;
  /** Undefined: the newest version at its place in the order of calls. */
  readonly snapshot: { sequence: number; timeMs: number } | undefined;
  onMissing(): void;
  onFound(found: FoundValue): void;
  onError(error: FastKVError): void;
  /**
   * The shard died before it answered: true to have the read sent again, false where the owner sends it again itself
   * (a read of several keys, which must be of one moment).
   */
  onRestart(): boolean;
}

export interface PendingWrite {
  sequence: number;
  /** Waits for what lies before it and is no write itself: a refusal of writes does not concern it. */
  isBarrier?: boolean;
  resolve(): void;
  reject(error: FastKVError): void;
}
