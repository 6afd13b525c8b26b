import { fileKind } from "../../../shared/format/file-header.js";
import { filterSection, operationKind } from "../../../shared/format/operations.js";
import { type LogRecord, readLog } from "../../../shared/record-log/record-log.js";
import type { EngineEnvironment } from "../environment.js";
import { walName } from "../files/file-names.js";
import { fileIdentity } from "../files/shard-identity.js";
import { startRecordType } from "../wal/wal-start.js";
import type { Applier } from "../write-path/applier.js";
import type { Memtables } from "../write-path/memtables.js";

/**
 * Replays a WAL segment. Operations up to `flushedSequence` are in tables and must not get into an arena: a flush would
 * bring back what was deleted since.
 */
export function replaySegment(
  { fileSystem, folder, shard }: EngineEnvironment,
  { log, flushedSequence }: { log: number; flushedSequence: number },
  memtables: Memtables,
  applier: Applier,
): void {
  const replay = ({ type, firstSequence, payload }: LogRecord): boolean => {
    if (type === startRecordType) {
      return true;
    }
    const part =
      firstSequence > flushedSequence
        ? { section: payload, firstSequence }
        : filterSection(payload, firstSequence, (_, sequence) => sequence > flushedSequence);
    if (part === undefined) {
      return true;
    }
    const { section, reader } = applier.place(part.section, part.firstSequence);
    while (reader.next()) {
      if (reader.kind === operationKind.ingest) {
        memtables.moveOn(log);
      }
      applier.apply(reader, section);
    }
    return true;
  };
  if (memtables.isActiveFull) {
    memtables.moveOn(log);
  }
  readLog(fileSystem, `${folder}/${walName(log)}`, {
    expected: fileIdentity(shard, fileKind.wal, log),
    mayBeTorn: false,
    onRecord: replay,
  });
}
