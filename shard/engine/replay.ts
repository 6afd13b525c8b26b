import { fileKind } from "../../shared/format/file-header.js";
import { filterSection, operationKind } from "../../shared/format/operations.js";
import { type LogRecord, readLog } from "../../shared/log/record-log.js";
import type { Applier } from "./applier.js";
import type { EngineEnvironment } from "./environment.js";
import { walName } from "./file-names.js";
import { startRecordType } from "./log/wal-start.js";
import type { Memtables } from "./memtables.js";
import { fileIdentity } from "./version/manifest.js";

/**
 * Brings back what a WAL segment holds. What the tables have, everything up to `flushedSequence`, must not get into an
 * arena: a flush would bring back what was deleted since.
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
