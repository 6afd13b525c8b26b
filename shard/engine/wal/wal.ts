import { invariant } from "../../../shared/errors.js";
import { fileKind } from "../../../shared/format/file-header.js";
import { RecordLogWriter } from "../../../shared/record-log/record-log.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { walName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";
import { appendStart } from "./wal-start.js";

/** FROZEN. The payload is one section of operations; wal-start.ts has the other record type. */
export const operationsRecordType = 1;

/**
 * The write-ahead log: one segment (a record log) for each memtable. The next segment is prepared ahead of time, so
 * that a rotation only has to sync the rest of the old one.
 */
export class Wal {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #shard: ShardIdentity;
  readonly #manifestNumber: number;
  #segment: RecordLogWriter;
  #segmentNumber: number;
  #next: { number: number; ready: Promise<RecordLogWriter> } | undefined;
  /** Set if the next segment, which the manifest names, has part of a record that could not be cut off. */
  #nextFailure: unknown;
  /** Numbers of files that did not become segments. What of them is on disk, if anything, is unknown. */
  readonly #unused = new Set<number>();

  constructor(
    fileSystem: FileSystem,
    folder: string,
    shard: ShardIdentity,
    segment: { writer: RecordLogWriter; number: number },
    manifestNumber: number,
  ) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#shard = shard;
    this.#manifestNumber = manifestNumber;
    this.#segment = segment.writer;
    this.#segmentNumber = segment.number;
  }

  /** `manifestNumber`: the manifest whose next edit names the segment; 0 if a new manifest will start with it. */
  static createSegment(
    fileSystem: FileSystem,
    folder: string,
    shard: ShardIdentity,
    fileNumber: number,
    manifestNumber = 0,
  ): RecordLogWriter {
    const header = { ...fileIdentity(shard, fileKind.wal, fileNumber), manifestNumber };
    return RecordLogWriter.create(fileSystem, `${folder}/${walName(fileNumber)}`, header);
  }

  get segmentNumber(): number {
    return this.#segmentNumber;
  }

  get sizeBytes(): number {
    return this.#segment.sizeBytes;
  }

  get unsyncedBytes(): number {
    return this.#segment.sizeBytes - this.#segment.syncedBytes;
  }

  /** Set permanently after a failed sync or a failed cut. */
  get failure(): unknown {
    return this.#segment.failure ?? this.#nextFailure;
  }

  append(section: Buffer, firstSequence: number, timeMs: number): void {
    this.#segment.append(operationsRecordType, firstSequence, timeMs, section);
  }

  sync(): Promise<void> {
    return this.#segment.syncAsync();
  }

  /**
   * Prepares the next segment: creates it, syncs it and its name, then has it entered into the manifest. It takes no
   * write before all of that is on disk.
   */
  prepareNext(fileNumber: number, enter: (fileNumber: number) => Promise<void>): Promise<void> {
    if (this.#next === undefined) {
      const ready = this.#makeSegment(fileNumber, enter);
      // Whoever awaits the rotation sees a failure; until then it must not end the process.
      ready.catch(() => undefined);
      this.#next = { number: fileNumber, ready };
    }
    return this.#next.ready.then(() => undefined);
  }

  isUnused(fileNumber: number): boolean {
    return this.#unused.has(fileNumber);
  }

  get nextIsPrepared(): boolean {
    return this.#next !== undefined;
  }

  /**
   * Resolves when no segment is being made and the next one is completely on disk: a record may have been cut off it.
   */
  async settleNext(): Promise<void> {
    const next = await this.#next?.ready.catch(() => undefined);
    if (next?.isSynced === false) {
      await next.syncAsync();
    }
  }

  /**
   * Syncs the old segment completely before the new one takes writes, and records its length at the start of the new
   * one. Throws if either fails.
   */
  async rotate(timeMs: number): Promise<void> {
    const next = this.#next;
    invariant(next !== undefined, "a WAL segment is prepared before a rotation");
    let writer: RecordLogWriter;
    try {
      writer = await next.ready;
    } catch (error) {
      this.#next = undefined;
      throw error;
    }
    const old = this.#segment;
    // Nothing is written meanwhile. But a sync that was already running does not cover what was written or cut off
    // after it began.
    do {
      await old.syncAsync();
    } while (!old.isSynced);
    try {
      appendStart(writer, { number: this.#segmentNumber, sizeBytes: old.sizeBytes }, timeMs);
    } catch (error) {
      // The old segment stays in use. If what was cut off reappeared after a power cut, the old segment would count as
      // complete, and a torn tail of it as damage.
      await writer.syncAsync().catch(() => undefined);
      this.#nextFailure = writer.failure;
      throw error;
    }
    this.#segment = writer;
    this.#segmentNumber = next.number;
    this.#next = undefined;
    await old.close();
  }

  async close(): Promise<void> {
    await this.#segment.close();
    const unused = await this.#next?.ready.catch(() => undefined);
    await unused?.close();
  }

  async #makeSegment(
    fileNumber: number,
    enter: (fileNumber: number) => Promise<void>,
  ): Promise<RecordLogWriter> {
    let writer: RecordLogWriter | undefined;
    try {
      writer = Wal.createSegment(
        this.#fileSystem,
        this.#folder,
        this.#shard,
        fileNumber,
        this.#manifestNumber,
      );
      await writer.syncAsync();
      await this.#fileSystem.syncFolderAsync(this.#folder);
      await enter(fileNumber);
      return writer;
    } catch (error) {
      this.#unused.add(fileNumber);
      await writer?.close();
      throw error;
    }
  }
}
