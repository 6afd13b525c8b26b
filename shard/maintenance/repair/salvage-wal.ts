/** Reads what can be read of the writes in a shard's WAL, and the parts of logged batches that the batch log has. */

import { asBuffer } from "../../../shared/bytes.js";
import { FastKVError } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import {
  filterSection,
  type OperationReader,
  operationKind,
  OperationReader as Reader,
  type SectionPart,
} from "../../../shared/format/operations.js";
import { shardOfKey } from "../../../shared/hash.js";
import type { Findings } from "../../../shared/maintenance/finding.js";
import type { LogRecord } from "../../../shared/record-log/log-file.js";
import { scanLog } from "../../../shared/record-log/record-scan.js";
import { walName } from "../../engine/files/file-names.js";
import { fileIdentity } from "../../engine/files/shard-identity.js";
import { operationsRecordType } from "../../engine/wal/wal.js";
import { startRecordType } from "../../engine/wal/wal-start.js";
import { type ShardFiles, whyUnreadable } from "../shard-files.js";

export interface SalvagedWrites extends SectionPart {
  timeMs: number;
}

/**
 * Reads a segment and skips what is damaged. `onWrites` gets the usable writes of each record; the sections are only
 * lent. Losses are reported to `losses`, if given.
 */
export function salvageWal(
  files: ShardFiles,
  log: number,
  onWrites: (writes: SalvagedWrites) => void,
  losses: Findings | undefined,
): void {
  const { fileSystem, folder, shard } = files;
  const name = walName(log);
  let before = 0;
  let pending: { start: number; bytes: number; what: string } | undefined;
  const tellLoss = (next: number | undefined): void => {
    if (pending !== undefined) {
      const from = before === 0 ? "" : ` behind sequence number ${before}`;
      const to = next === undefined ? "" : ` before ${next}`;
      const extent = from + to === "" ? "" : ` (writes${from}${to})`;
      losses?.damage(name, `${pending.bytes} bytes are lost${extent}: ${pending.what}`, {
        offset: pending.start,
      });
      pending = undefined;
    }
  };
  try {
    scanLog(fileSystem, `${folder}/${name}`, {
      expected: fileIdentity(shard, fileKind.wal, log),
      onRecord: (record) => {
        if (record.type === startRecordType) {
          return;
        }
        tellLoss(record.firstSequence);
        const writes = usableWrites(files, name, record, losses);
        if (writes !== undefined) {
          onWrites(writes);
          before = writes.lastSequence;
        }
      },
      onGap: ({ start, end, what }) => {
        // The header holds no writes.
        if (start > 0) {
          pending = { start, bytes: end - start, what };
        }
        return true;
      },
    });
  } catch (error) {
    const why = whyUnreadable(error);
    if (why === undefined) {
      throw error;
    }
    losses?.damage(name, `all writes in it are lost: ${why}`);
  }
  tellLoss(undefined);
}

function usableWrites(
  { shard, shards }: ShardFiles,
  name: string,
  { type, payload, firstSequence, timeMs, offset }: LogRecord,
  losses: Findings | undefined,
): SalvagedWrites | undefined {
  const isHome = (operation: OperationReader): boolean => {
    const isKeyed = operation.kind === operationKind.put || operation.kind === operationKind.delete;
    const key = payload.subarray(operation.keyStart, operation.valueStart);
    return !isKeyed || shardOfKey(key, key.length, shards) === shard.shardIndex;
  };
  try {
    const part = type === operationsRecordType ? filterSection(payload, firstSequence, isHome) : undefined;
    return part === undefined ? undefined : { ...part, timeMs };
  } catch (error) {
    if (!(error instanceof FastKVError)) {
      throw error;
    }
    losses?.damage(name, `the writes of a record are lost: ${error.message}`, { offset });
    return undefined;
  }
}

/** The sequence numbers of the parts of logged batches in a section. */
export function loggedSequencesOf({ section, firstSequence }: SectionPart): Set<number> {
  const sequences = new Set<number>();
  const reader = new Reader(section);
  while (reader.next()) {
    if (reader.logged) {
      sequences.add(firstSequence + reader.sequenceDelta);
    }
  }
  return sequences;
}

/** The commits of bulk loads in a section: the load's id by sequence number. */
export function loadCommitsOf({ section, firstSequence }: SectionPart): Map<number, string> {
  const commits = new Map<number, string>();
  const reader = new Reader(section);
  while (reader.next()) {
    if (reader.kind === operationKind.ingest) {
      commits.set(
        firstSequence + reader.sequenceDelta,
        section.toString("hex", reader.valueStart, reader.end),
      );
    }
  }
  return commits;
}

/** What the shard should have of logged batches, as stored in the batch log, by sequence number. */
export function loggedParts({ logged }: ShardFiles): Map<number, SectionPart> {
  return new Map(
    logged.parts.map(({ sequence, section }) => [
      sequence,
      { section: asBuffer(section), firstSequence: sequence, lastSequence: sequence },
    ]),
  );
}
