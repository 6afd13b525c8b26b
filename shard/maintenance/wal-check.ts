import { FastKVError } from "../../shared/errors.js";
import { fileKind } from "../../shared/format/file-header.js";
import { OperationReader, operationKind } from "../../shared/format/operations.js";
import { isEncodingTag } from "../../shared/format/value-encoding.js";
import type { LogRecord } from "../../shared/record-log/log-file.js";
import { scanLog } from "../../shared/record-log/record-scan.js";
import { listFiles, walName } from "../engine/files/file-names.js";
import { fileIdentity } from "../engine/files/shard-identity.js";
import { lastUsedLog } from "../engine/recovery/recovery.js";
import type { ManifestState } from "../engine/version/manifest.js";
import { operationsRecordType } from "../engine/wal/wal.js";
import { findShortSegment, startRecordType } from "../engine/wal/wal-start.js";
import type { LoggedPartsCheck } from "./logged-parts-check.js";
import type { RoutingCheck } from "./routing-check.js";
import { attempt, type ShardFiles } from "./shard-files.js";
import type { ValueCheck } from "./value-check.js";

export interface CheckedWal {
  records: number;
  lastSequence: number;
}

/** Reads the live WAL segments; without a manifest, all existing ones. */
export function checkWal(
  files: ShardFiles,
  state: ManifestState | undefined,
  routing: RoutingCheck,
  logged: LoggedPartsCheck,
  values: ValueCheck,
): CheckedWal {
  const { fileSystem, folder } = files;
  const present = listFiles(fileSystem, folder)
    .filter((file) => file.kind === "wal")
    .map((file) => file.fileNumber)
    .sort((a, b) => a - b);
  // Missing segments were already found when the manifest was compared with the folder.
  const logs = state === undefined ? present : state.logs.filter((log) => present.includes(log));
  const wasClean = state?.cleanFiles !== undefined;
  const checked: CheckedWal = { records: 0, lastSequence: 0 };
  let lastUsed = 0;
  const areOpened = logs.every((log) =>
    attempt(files.findings, walName(log), () => {
      lastUsed = lastUsedLog(fileSystem, folder, [log]) || lastUsed;
    }),
  );
  if (areOpened && !wasClean) {
    attempt(files.findings, walName(logs.at(-1) ?? 0), () => checkLengths(files, logs));
  }
  if (areOpened) {
    for (const log of logs) {
      checkSegment(files, log, !wasClean && log >= lastUsed, routing, (record) => {
        checked.records += 1;
        checked.lastSequence = Math.max(checked.lastSequence, lastSequenceOf(record));
        logged.checkRecord(walName(log), record, wasClean);
        if (record.type === operationsRecordType) {
          values.checkRecord(walName(log), record);
        }
      });
    }
  }
  return checked;
}

/** Checks what segments say about the ones before them. After a clean close the manifest has all lengths. */
function checkLengths({ fileSystem, folder, shard, findings }: ShardFiles, logs: readonly number[]): void {
  const short = findShortSegment(fileSystem, folder, shard, logs);
  if (short !== undefined) {
    const { number, sizeBytes, expectedBytes } = short;
    findings.damage(walName(number), `the file has ${sizeBytes} bytes, not ${expectedBytes}`, {
      offset: Math.min(sizeBytes, expectedBytes),
    });
  }
}

/** Reads a whole segment; returns its size in bytes. */
export function checkSegment(
  files: ShardFiles,
  log: number,
  mayBeTorn: boolean,
  routing: RoutingCheck,
  onRecord: (record: LogRecord) => void,
): number {
  const { fileSystem, folder, shard, findings } = files;
  const name = walName(log);
  let bytes = 0;
  attempt(findings, name, () => {
    let before = 0;
    const { sizeBytes } = scanLog(fileSystem, `${folder}/${name}`, {
      expected: fileIdentity(shard, fileKind.wal, log),
      onRecord: (record) => {
        if (record.type === startRecordType) {
          return;
        }
        checkRecord(files, name, record, routing);
        onRecord(record);
        before = lastSequenceOf(record);
      },
      onGap: ({ start, end, what, wasSynced, cause }) => {
        if (cause?.code === "FASTKV_UNSUPPORTED_FORMAT") {
          throw cause;
        }
        if (mayBeTorn && !wasSynced) {
          findings.note(name, "torn tail: what a crash cut short, or damage at the very end", {
            offset: start,
          });
          return false;
        }
        const behind = before === 0 ? "" : `, behind sequence number ${before}`;
        findings.damage(name, `${what} (${end - start} bytes cannot be read${behind})`, { offset: start });
        return true;
      },
    });
    files.onRead(sizeBytes);
    bytes = sizeBytes;
  });
  return bytes;
}

/** The highest sequence number in a record, up to a malformed operation, if there is one. */
function lastSequenceOf({ payload, firstSequence }: LogRecord): number {
  const reader = new OperationReader(payload);
  let last = firstSequence;
  try {
    while (reader.next()) {
      last = Math.max(last, firstSequence + reader.sequenceDelta);
    }
  } catch {
    // Reported where the record is checked.
  }
  return last;
}

function checkRecord(
  { findings }: ShardFiles,
  name: string,
  { type, payload, offset }: LogRecord,
  routing: RoutingCheck,
): void {
  if (type !== operationsRecordType) {
    findings.damage(name, `unknown record type ${type}`, { offset });
    return;
  }
  const reader = new OperationReader(payload);
  try {
    while (reader.next()) {
      if (reader.kind === operationKind.put || reader.kind === operationKind.delete) {
        const key = payload.latin1Slice(reader.keyStart, reader.valueStart);
        routing.check(key, name, offset);
        if (reader.kind === operationKind.put && !isEncodingTag(reader.tag)) {
          findings.damage(name, `a value has the unknown encoding tag ${reader.tag}`, {
            offset,
            keys: { from: key, to: key },
          });
        }
      }
    }
  } catch (error) {
    if (!(error instanceof FastKVError)) {
      throw error;
    }
    findings.damage(name, error.message, { offset });
  }
}
