/**
 * How a WAL segment records what came before it. FROZEN (format version 1). Little-endian. A record of type 2, the
 * first of a segment that follows another one:
 *
 *     offset  size  field
 *          0     8  number of the segment before
 *          8     8  its length: it was whole and synced, and nothing was written to it afterwards
 *
 * A record's own checksum does not show that records after it are missing. This record does, for all segments but the
 * last.
 */

import { readUint64, writeUint64 } from "../../../shared/bytes.js";
import { corruption } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import { type RecordLogWriter, readLog } from "../../../shared/record-log/record-log.js";
import { type FileSystem, fileSize } from "../../../shared/storage/file-system.js";
import { walName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";

/** FROZEN. */
export const startRecordType = 2;
const startBytes = 16;

/** A segment and its length. */
export interface SegmentExtent {
  number: number;
  sizeBytes: number;
}

export function appendStart(writer: RecordLogWriter, before: SegmentExtent, timeMs: number): void {
  const payload = Buffer.alloc(startBytes);
  writeUint64(payload, before.number, 0);
  writeUint64(payload, before.sizeBytes, 8);
  writer.append(startRecordType, 0, timeMs, payload);
}

/** A segment that is shorter or longer than the next segment says. */
export interface ShortSegment extends SegmentExtent {
  expectedBytes: number;
}

/**
 * Of some segments, in order, the first whose length differs from what the next one says; undefined if all are whole.
 */
export function findShortSegment(
  fileSystem: FileSystem,
  folder: string,
  shard: ShardIdentity,
  logs: readonly number[],
): ShortSegment | undefined {
  for (const [at, number] of logs.slice(0, -1).entries()) {
    const before = readStart(fileSystem, folder, shard, logs[at + 1]!);
    if (before?.number === number) {
      const sizeBytes = fileSize(fileSystem, `${folder}/${walName(number)}`);
      if (sizeBytes !== before.sizeBytes) {
        return { number, sizeBytes, expectedBytes: before.sizeBytes };
      }
    }
  }
  return undefined;
}

/** What a segment says of the one before it; undefined if its first record is torn or of another type. */
function readStart(
  fileSystem: FileSystem,
  folder: string,
  shard: ShardIdentity,
  log: number,
): SegmentExtent | undefined {
  let before: SegmentExtent | undefined;
  const path = `${folder}/${walName(log)}`;
  readLog(fileSystem, path, {
    expected: fileIdentity(shard, fileKind.wal, log),
    mayBeTorn: true,
    onRecord: ({ type, payload, offset }) => {
      if (type === startRecordType) {
        if (payload.length !== startBytes) {
          throw corruption(path, offset, "the record of the segment before has an odd length");
        }
        before = { number: readUint64(payload, 0), sizeBytes: readUint64(payload, 8) };
      }
      return false;
    },
  });
  return before;
}
