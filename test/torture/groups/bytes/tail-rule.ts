/**
 * What may be missing after damage that cannot be told from a crash.
 *
 * **The rule.** After a *clean close* nothing may: each answer is right or an error. After a *crash* (kill -9, power
 * loss) the same holds but for the **tails** of two kinds of log, the newest batch log and, in each shard, the last WAL
 * segment that holds a record. A record there is in the tail where no later record of its file says, by its mark, that
 * it had been synced. Such a record may be taken for a write that the crash cut short; then
 *
 * - in a WAL: from it on all that this shard had of its own is gone, and nothing else: what stands before it, other
 *   shards, and batches over several shards (they come back whole from the batch log) are there;
 * - in the batch log: from its first batch on everything may be gone, in all shards, since a shard cuts its WAL at the
 *   first part of a batch without a record; each shard then holds a prefix. Of such a batch the part of a shard that had
 *   flushed it would stay; no database here has one.
 *
 * That the lost write was synced once is what this copy of the file can no longer say: a crash that loses it leaves the
 * same bytes. (A write that was acknowledged as synced and had a later one behind it, acknowledged likewise, is covered
 * by that one's mark.) A manifest has no such tail: what its last edit says is checked against the files there are.
 */

import { decodeBatches } from "../../../../coordinator/batch-log/log-format.js";
import { operationsRecordType } from "../../../../shard/engine/wal/wal.js";
import { readUint64 } from "../../../../shared/bytes.js";
import { fileHeaderBytes } from "../../../../shared/format/file-header.js";
import { OperationReader } from "../../../../shared/format/operations.js";
import { recordHeaderBytes } from "../../../../shared/record-log/record-format.js";
import { Oracle } from "../../../crash/simulated/oracle.js";
import { storeFolder } from "../../../support/simulated-store.js";
import { type Base, shards } from "./base.js";

/** Damage to bytes `start` to `end` of a file; with `isCut` everything from `start` on is gone. */
export interface Damage {
  readonly path: string;
  readonly start: number;
  readonly isCut: boolean;
}

interface SoundRecord {
  start: number;
  end: number;
  mark: number;
  firstSequence: number;
}

/** The records of a log that was not damaged, by the diagram in record-format.ts and nothing else. */
export function soundRecords(bytes: Buffer): SoundRecord[] {
  const records: SoundRecord[] = [];
  for (let start = fileHeaderBytes; start < bytes.length; ) {
    const end = start + recordHeaderBytes + bytes.readUInt32LE(start + 4);
    const mark = readUint64(bytes, start + 24);
    records.push({ start, end, mark, firstSequence: readUint64(bytes, start + 16) });
    start = end;
  }
  return records;
}

/** Judges what was found where a loss is allowed; undefined where none is. */
export function lossRule(
  base: Base,
  damage: Damage,
): ((found: ReadonlyMap<string, string>) => void) | undefined {
  const log = base.isClosed ? undefined : tornLog(base, damage.path);
  if (log === undefined) {
    return undefined;
  }
  const records = soundRecords(base.disk.contentOf(damage.path));
  const first = records.find((record) => record.end > damage.start);
  if (first === undefined) {
    return undefined;
  }
  const isInHeader = damage.start < fileHeaderBytes;
  const isKnownSynced = records.some((record) => record.start > first.start && record.mark > first.start);
  if (!damage.isCut && (isInHeader || isKnownSynced)) {
    return undefined;
  }
  return (found) => {
    const oracle = new Oracle(shards);
    base.oracle.writes.forEach(({ changes, isLogged }, place) => {
      const isLost =
        place + 1 >= first.firstSequence &&
        (log === "batch log" || (!isLogged && oracle.shardsOf(changes).has(log)));
      oracle.writes.push({ changes, isLogged, outcome: isLost ? "pending" : "sync" });
    });
    oracle.check(found, base.nowMs, true);
  };
}

/** The shard whose WAL may end torn in this file, or the batch log; undefined where the file may not. */
function tornLog({ disk }: Base, path: string): number | "batch log" | undefined {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const kind = path.endsWith(".wal")
    ? ".wal"
    : path.startsWith(`${storeFolder}/batch-log-`)
      ? "batch-log-"
      : undefined;
  if (kind === undefined) {
    return undefined;
  }
  const used = disk
    .files()
    .filter((file) => file.startsWith(folder) && file.includes(kind))
    .filter((file) => disk.contentOf(file).length > fileHeaderBytes);
  if (path !== used.at(-1)) {
    return undefined;
  }
  return kind === ".wal" ? Number(folder.slice(-4, -1)) : "batch log";
}

/** Throws unless the place of each write in the oracle is its sequence number less one, which the rule builds on. */
export function checkSequences(base: Base): void {
  const last = Math.max(...base.disk.files().flatMap((path) => sequencesIn(path, base.disk.contentOf(path))));
  if (last !== base.oracle.writes.length) {
    throw new Error(
      `"${base.name}" has ${base.oracle.writes.length} writes, and sequence numbers up to ${last}`,
    );
  }
}

function sequencesIn(path: string, bytes: Buffer): number[] {
  if (path.endsWith(".wal")) {
    return soundRecords(bytes).flatMap(({ start, end, firstSequence }) => {
      if (bytes[start + 8] !== operationsRecordType) {
        return [];
      }
      const reader = new OperationReader(bytes, start + recordHeaderBytes, end);
      const sequences: number[] = [];
      while (reader.next()) {
        sequences.push(firstSequence + reader.sequenceDelta);
      }
      return sequences;
    });
  }
  if (path.includes("/batch-log-")) {
    return soundRecords(bytes)
      .slice(1)
      .flatMap(({ start, end }) => decodeBatches(bytes.subarray(start + recordHeaderBytes, end), path, start))
      .map((batch) => batch.sequence);
  }
  return [];
}
