import type { RecordLogWriter } from "../../shared/log/record-log.js";
import { encodeBatches, type LoggedBatch, pathOf, recordType, temporaryPattern } from "./log-format.js";
import { type FileStart, type LogEnvironment, startFile } from "./start-file.js";

/** The files of an open batch log: the one that is written, and the older ones for as long as anything in them is needed. */
export class LogFiles {
  readonly #environment: LogEnvironment;
  readonly #nowMs: () => number;
  #writer: RecordLogWriter;
  #fileNumber: number;
  /** Older files, with the last sequence number in each that is needed. */
  #older: { fileNumber: number; lastSequence: number }[] = [];
  /** A file was removed, and the folder was not synced since. */
  #isRemovalUnsynced = false;

  private constructor(
    environment: LogEnvironment,
    nowMs: () => number,
    file: { writer: RecordLogWriter; fileNumber: number },
  ) {
    this.#environment = environment;
    this.#nowMs = nowMs;
    this.#writer = file.writer;
    this.#fileNumber = file.fileNumber;
  }

  /** Starts a new file. All batches up to `lastSequence` must be durable in every shard: the `obsolete` files go. */
  static create(
    environment: LogEnvironment,
    nowMs: () => number,
    lastSequence: number,
    obsolete: readonly number[],
  ): LogFiles {
    const { fileSystem, folder } = environment;
    const fileNumber = (obsolete.at(-1) ?? 0) + 1;
    const start = { type: recordType.restart, earlierSequence: lastSequence, batches: [] };
    const writer = startFile(environment, fileNumber, start, nowMs());
    for (const old of obsolete) {
      fileSystem.remove(pathOf(folder, old));
    }
    // What a crash left of files that never got their name.
    for (const name of fileSystem.list(folder).filter((found) => temporaryPattern.test(found))) {
      fileSystem.remove(`${folder}/${name}`);
    }
    return new LogFiles(environment, nowMs, { writer, fileNumber });
  }

  /** Of the file that is written. */
  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  get olderFiles(): number {
    return this.#older.length;
  }

  /** Writes batches as one record. */
  async append(batches: readonly LoggedBatch[]): Promise<void> {
    const payload = encodeBatches(batches);
    await this.#writer.appendAsync(recordType.batches, batches[0]!.sequence, this.#nowMs(), payload);
  }

  sync(): Promise<void> {
    return this.#writer.syncAsync();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Leaves the file, which is synced whole, for a new one; `lastSequence` is the last that it has. */
  rotate(lastSequence: number): void {
    const writer = this.#startNext({ type: recordType.start, earlierSequence: lastSequence, batches: [] });
    this.#older.push({ fileNumber: this.#fileNumber, lastSequence });
    this.#writer.release();
    this.#writer = writer;
    this.#fileNumber += 1;
  }

  /** The same; false where the new file does not get its name, and the one that is there serves on. */
  tryToRotate(lastSequence: number): boolean {
    const { fileSystem, folder } = this.#environment;
    try {
      this.rotate(lastSequence);
      return true;
    } catch (error) {
      if (fileSystem.exists(pathOf(folder, this.#fileNumber + 1))) {
        throw error;
      }
      return false;
    }
  }

  /**
   * Starts a file that makes all others obsolete, whatever is at their ends: `batches` are those up to `lastSequence` that some
   * shard lacks.
   */
  async startOver(lastSequence: number, batches: readonly LoggedBatch[]): Promise<void> {
    const writer = this.#startNext({ type: recordType.restart, earlierSequence: lastSequence, batches });
    const left = this.#writer;
    const obsolete = [...this.#older.map((file) => file.fileNumber), this.#fileNumber];
    this.#older = obsolete.map((fileNumber) => ({ fileNumber, lastSequence: 0 }));
    this.#writer = writer;
    this.#fileNumber += 1;
    await left.close().catch(() => undefined);
  }

  /**
   * Removes the files that have nothing from `sequence` on, one behind the other: after a crash an older one must not be there
   * without the next. One that cannot be removed does no harm, and is tried again the next time.
   */
  removeBelow(sequence: number): void {
    const { fileSystem, folder } = this.#environment;
    while (this.#older.length > 0 && this.#older[0]!.lastSequence < sequence) {
      try {
        if (this.#isRemovalUnsynced) {
          fileSystem.syncFolder(folder);
          this.#isRemovalUnsynced = false;
        }
        fileSystem.remove(pathOf(folder, this.#older[0]!.fileNumber));
      } catch {
        return;
      }
      this.#isRemovalUnsynced = true;
      this.#older.shift();
    }
  }

  #startNext(start: FileStart): RecordLogWriter {
    const writer = startFile(this.#environment, this.#fileNumber + 1, start, this.#nowMs());
    // The folder was synced for its name.
    this.#isRemovalUnsynced = false;
    return writer;
  }
}
