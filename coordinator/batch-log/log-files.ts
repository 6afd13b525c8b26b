import type { RecordLogWriter } from "../../shared/record-log/record-log.js";
import { encodeBatches, type LoggedBatch, pathOf, recordType, temporaryPattern } from "./log-format.js";
import { type FileStart, type LogEnvironment, startFile } from "./start-file.js";

interface OlderFile {
  fileNumber: number;
  /** The last sequence number in it that is needed. */
  lastSequence: number;
  isObsolete: boolean;
}

/** The files of an open batch log: the current one, and the older ones as long as something in them is needed. */
export class LogFiles {
  readonly #environment: LogEnvironment;
  readonly #nowMs: () => number;
  #writer: RecordLogWriter;
  #fileNumber: number;
  #older: OlderFile[] = [];
  /** Whether a file was removed and the folder was not synced since. */
  #isRemovalUnsynced = false;
  #isRemoving = false;
  /** Files are started and removed one after the other, never two at a time. */
  #turn: Promise<unknown> = Promise.resolve();

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

  /**
   * Starts a new file. All batches up to `lastSequence` must be durable in every shard: the `obsolete` files are
   * removed.
   */
  static async create(
    environment: LogEnvironment,
    nowMs: () => number,
    lastSequence: number,
    obsolete: readonly number[],
  ): Promise<LogFiles> {
    const { fileSystem, folder } = environment;
    const fileNumber = (obsolete.at(-1) ?? 0) + 1;
    const start = { type: recordType.restart, earlierSequence: lastSequence, batches: [] };
    const writer = await startFile(environment, fileNumber, start, nowMs());
    for (const old of obsolete) {
      fileSystem.remove(pathOf(folder, old));
    }
    // Files that a crash left under their temporary names.
    for (const name of fileSystem.list(folder).filter((found) => temporaryPattern.test(found))) {
      fileSystem.remove(`${folder}/${name}`);
    }
    return new LogFiles(environment, nowMs, { writer, fileNumber });
  }

  /** The size of the current file. */
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

  async close(): Promise<void> {
    await this.settle();
    await this.#writer.close();
  }

  /** Resolves when obsolete files are removed, or could not be. */
  async settle(): Promise<void> {
    await this.#turn;
  }

  /**
   * Starts a new file after the current one, which must be completely synced. `lastSequence` is the last number in the
   * current file.
   */
  rotate(lastSequence: number): Promise<void> {
    return this.#inTurn(async () => {
      const start = { type: recordType.start, earlierSequence: lastSequence, batches: [] };
      const writer = await this.#startNext(start);
      this.#older.push({ fileNumber: this.#fileNumber, lastSequence, isObsolete: false });
      this.#writer.release();
      this.#writer = writer;
      this.#fileNumber += 1;
    });
  }

  /** Like `rotate`, but returns false if the new file did not get its name; the current file then stays in use. */
  async tryToRotate(lastSequence: number): Promise<boolean> {
    const { fileSystem, folder } = this.#environment;
    try {
      await this.rotate(lastSequence);
      return true;
    } catch (error) {
      if (fileSystem.exists(pathOf(folder, this.#fileNumber + 1))) {
        throw error;
      }
      return false;
    }
  }

  /**
   * Starts a file that makes all others obsolete, whatever is at their ends. `batches` are those up to `lastSequence`
   * that some shard lacks.
   */
  startOver(lastSequence: number, batches: readonly LoggedBatch[]): Promise<void> {
    return this.#inTurn(async () => {
      const start = { type: recordType.restart, earlierSequence: lastSequence, batches };
      const writer = await this.#startNext(start);
      const left = this.#writer;
      const others = [...this.#older.map((file) => file.fileNumber), this.#fileNumber];
      this.#older = others.map((fileNumber) => ({ fileNumber, lastSequence: 0, isObsolete: true }));
      this.#writer = writer;
      this.#fileNumber += 1;
      await left.close().catch(() => undefined);
    });
  }

  /** Removes the files that contain nothing from `sequence` on. */
  removeBelow(sequence: number): void {
    for (const file of this.#older) {
      file.isObsolete ||= file.lastSequence < sequence;
    }
    if (this.#older[0]?.isObsolete === true && !this.#isRemoving) {
      this.#isRemoving = true;
      void this.#inTurn(() => this.#removeObsolete());
    }
  }

  /**
   * Removes files one after the other: after a crash, an older file must not exist without the next one. A file that
   * cannot be removed does no harm, and is tried again the next time.
   */
  async #removeObsolete(): Promise<void> {
    const { fileSystem, folder } = this.#environment;
    try {
      while (this.#older[0]?.isObsolete === true) {
        if (this.#isRemovalUnsynced) {
          await fileSystem.syncFolderAsync(folder);
          this.#isRemovalUnsynced = false;
        }
        await fileSystem.removeAsync(pathOf(folder, this.#older[0].fileNumber));
        this.#isRemovalUnsynced = true;
        this.#older.shift();
      }
    } catch {
      // A file that cannot be removed does no harm.
    } finally {
      this.#isRemoving = false;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #startNext(start: FileStart): Promise<RecordLogWriter> {
    const writer = await startFile(this.#environment, this.#fileNumber + 1, start, this.#nowMs());
    // The folder was synced for the new file's name.
    this.#isRemovalUnsynced = false;
    return writer;
  }
}
