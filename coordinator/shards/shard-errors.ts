/** The errors with which calls to a shard are refused or fail. */

import { FastKVError, restated } from "../../shared/errors.js";

/** The same error, for writes that were in flight. */
export function inDoubt(error: FastKVError): FastKVError {
  return restated(error, { writeOutcome: "in-doubt" });
}

export function closedError(): FastKVError {
  return new FastKVError("FASTKV_CLOSED", "The database was closed before the call was done", {
    writeOutcome: "in-doubt",
  });
}

export function overloadError(shardIndex: number, bytes: number, maxInFlightBytes: number): FastKVError {
  return new FastKVError(
    "FASTKV_OVERLOADED",
    `${bytes} bytes are in flight to shard ${shardIndex}, more than maxInFlightBytes (${maxInFlightBytes}). Await some that were taken, or wait for some milliseconds, before making more; or ask for less in one.`,
    { writeOutcome: "not-applied" },
  );
}

export function endedTooEarly(shardIndex: number): FastKVError {
  return new FastKVError(
    "FASTKV_SHARD_UNAVAILABLE",
    `Shard ${shardIndex} ended before it served. Open the database again; what it wrote to stderr may say why it ended.`,
  );
}

/** The disk has no space for the shard to start, or to write what it has accepted. */
export function outageOf(shardIndex: number, why: string, cause?: FastKVError): FastKVError {
  return new FastKVError(
    "FASTKV_NO_SPACE",
    `Shard ${shardIndex} has no room: ${why}. Make room on the disk: it then goes on by itself.`,
    { cause, writeOutcome: "not-applied" },
  );
}

export function notSynced(shardIndex: number): FastKVError {
  return new FastKVError(
    "FASTKV_IO",
    `Shard ${shardIndex} was closed, but could not sync all that it had taken: if the power fails, the last writes may be lost. Open the database again and see which are there.`,
    { writeOutcome: "in-doubt" },
  );
}
