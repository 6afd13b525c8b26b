/**
 * Compares the batch log's parts of batches with the shard: whatever the shard has of a part must match the log, and a
 * part that the shard must still have in its WAL must be there.
 */

import { asBuffer, type ByteString } from "../../shared/bytes.js";
import { OperationReader, OperationSection, operationKind } from "../../shared/format/operations.js";
import type { FindingPlace } from "../../shared/maintenance/finding.js";
import type { LogRecord } from "../../shared/record-log/log-file.js";
import { type Entry, entryKind } from "../engine/iterator/cursor.js";
import { findUnlogged } from "../engine/recovery/recovery.js";
import type { ShardFiles } from "./shard-files.js";

interface LoggedWrite {
  kind: number;
  tag: number;
  expiresAt: number;
  value: Buffer;
}

interface Part {
  section: Buffer;
  /** The last operation on each key. Undefined if the part is not a list of keys (a clear, a bulk load). */
  writes: Map<ByteString, LoggedWrite> | undefined;
  isInWal: boolean;
}

export class LoggedPartsCheck {
  readonly #files: ShardFiles;
  readonly #parts = new Map<number, Part>();
  readonly #sequences: ReadonlySet<number>;
  /** The commits of bulk loads in the WAL and the batch log: the load's id by sequence number. */
  readonly loadCommits = new Map<number, string>();
  #isUnloggedNoted = false;
  /** How often the shard has something that the batch log lacks, or that differs from it. */
  mismatches = 0;

  constructor(files: ShardFiles) {
    this.#files = files;
    this.#sequences = new Set(files.logged.sequences);
    for (const { sequence, section } of files.logged.parts) {
      const bytes = asBuffer(section);
      this.#parts.set(sequence, { section: bytes, writes: writesOf(bytes), isInWal: false });
      this.#noteLoadCommits(bytes, sequence);
    }
  }

  checkEntry(key: ByteString, entry: Entry, name: string, offset: number): void {
    const writes = this.#parts.get(entry.sequence)?.writes;
    if (writes === undefined) {
      return;
    }
    const expected = writes.get(key);
    const value = entry.valueBuffer.subarray(entry.valueStart, entry.valueEnd);
    const isSame =
      expected !== undefined &&
      expected.kind === entry.kind &&
      expected.tag === entry.tag &&
      expected.expiresAt === entry.expiresAt &&
      expected.value.equals(value);
    // Once a put has expired, a flush or compaction may keep only a delete of it, which hides older versions.
    const hasExpired = expected !== undefined && expected.expiresAt > 0 && entry.kind === entryKind.delete;
    if (!isSame && !hasExpired) {
      this.#mismatch(name, `a write of batch ${entry.sequence} is not what the batch log has`, {
        offset,
        keys: { from: key, to: key },
      });
    }
  }

  checkRecord(name: string, record: LogRecord, wasClean: boolean): void {
    this.#noteLoadCommits(record.payload, record.firstSequence);
    for (const [sequence, section] of loggedSections(record)) {
      const part = this.#parts.get(sequence);
      if (part === undefined) {
        this.#checkUnlogged(name, record.offset, sequence, wasClean);
        continue;
      }
      part.isInWal = true;
      if (!section.bytes().equals(part.section)) {
        this.#mismatch(name, `the part of batch ${sequence} is not what the batch log has`, {
          offset: record.offset,
        });
      }
    }
  }

  /** Checks bulk loads that are in the manifest, beyond what is flushed. */
  checkIngested(name: string, ingested: readonly number[]): void {
    const { logged } = this.#files;
    const lost = logged.isWhole ? findUnlogged(ingested, logged.cutSequence, this.#sequences) : undefined;
    if (lost !== undefined) {
      this.#mismatch(name, `bulk load ${lost} is in force and has no record in the batch log`);
    }
  }

  /** `lastSequence` is the highest in tables and WAL; everything up to `flushedSequence` is in tables. */
  finish(name: string, lastSequence: number, flushedSequence: number, wasClean: boolean): void {
    const { findings } = this.#files;
    for (const [sequence, part] of this.#parts) {
      if (part.isInWal || sequence <= flushedSequence) {
        continue;
      }
      if (sequence <= lastSequence || wasClean) {
        findings.damage(name, `the part of batch ${sequence}, which the batch log has, is missing`);
      } else {
        findings.note(
          name,
          `the part of batch ${sequence} is only in the batch log; the next start applies it`,
        );
      }
    }
  }

  #noteLoadCommits(section: Buffer, firstSequence: number): void {
    const reader = new OperationReader(section);
    try {
      while (reader.next()) {
        if (reader.kind === operationKind.ingest) {
          const id = section.toString("hex", reader.valueStart, reader.end);
          this.loadCommits.set(firstSequence + reader.sequenceDelta, id);
        }
      }
    } catch {
      // Reported where the record is checked.
    }
  }

  #mismatch(name: string, message: string, place: FindingPlace = {}): void {
    this.mismatches += 1;
    this.#files.findings.damage(name, message, place);
  }

  #checkUnlogged(name: string, offset: number, sequence: number, wasClean: boolean): void {
    const { findings, logged } = this.#files;
    if (!logged.isWhole || sequence <= logged.cutSequence || this.#sequences.has(sequence)) {
      return;
    }
    if (wasClean) {
      this.#mismatch(name, `batch ${sequence} has no record in the batch log`, { offset });
    } else if (!this.#isUnloggedNoted) {
      this.#isUnloggedNoted = true;
      const what = `batch ${sequence} has no record in the batch log; the next start drops it and what follows it`;
      findings.note(name, what, { offset });
    }
  }
}

function writesOf(section: Buffer): Map<ByteString, LoggedWrite> | undefined {
  const writes = new Map<ByteString, LoggedWrite>();
  const reader = new OperationReader(section);
  while (reader.next()) {
    const { kind, tag, expiresAt, keyStart, valueStart, end } = reader;
    if (kind !== operationKind.put && kind !== operationKind.delete) {
      return undefined;
    }
    const key = section.latin1Slice(keyStart, valueStart);
    writes.set(key, { kind, tag, expiresAt, value: section.subarray(valueStart, end) });
  }
  return writes;
}

/**
 * The parts of logged batches in a record, by sequence number: each in the form that the batch log has, with deltas of
 * 0.
 */
function loggedSections({ payload, firstSequence }: LogRecord): Map<number, OperationSection> {
  const sections = new Map<number, OperationSection>();
  const reader = new OperationReader(payload);
  try {
    while (reader.next()) {
      if (reader.logged) {
        const sequence = firstSequence + reader.sequenceDelta;
        let section = sections.get(sequence);
        if (section === undefined) {
          section = new OperationSection(reader.end - reader.start);
          sections.set(sequence, section);
        }
        const { kind, tag, expiresAt, logged, keyStart, valueStart, end } = reader;
        const key = payload.subarray(keyStart, valueStart);
        section.append({ kind, tag, expiresAt, logged, key, value: payload.subarray(valueStart, end) }, 0);
      }
    }
  } catch {
    // Reported where the record is checked.
    sections.clear();
  }
  return sections;
}
