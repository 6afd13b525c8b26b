import { FastKVError, invariant } from "../../shared/errors.js";
import { type FileSystem, replaceFile } from "../../shared/storage/file-system.js";
import { linkOwnerFile, listOwnerEpochs, ownerFileName } from "./owner-files.js";
import { encodeOwnerRecord, maxEpoch, type OwnerRecord } from "./owner-record.js";
import type { ProcessIdentity } from "./process-identity.js";
import { systemErrorCode } from "./system-error.js";

export interface OwnershipOptions {
  /** The coordinator's clock, in ms. */
  clock: () => number;
  /** A folder for runtime folders instead of the usual ones, as given to `createRuntimeFolder`. */
  runtimeParent?: string;
}

/**
 * The right to use a database folder, obtained from `acquireOwnership`. Only the owner rewrites its owner file. It
 * first checks that the file is still the highest, and so also detects a file that was removed by hand.
 */
export class Ownership {
  /** The latest time in ms that an earlier owner recorded; 0 if there is none. */
  readonly previousTimeMs: number;
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #clock: () => number;
  #record: OwnerRecord;
  #isReleased = false;

  constructor(
    fileSystem: FileSystem,
    folder: string,
    clock: () => number,
    record: OwnerRecord,
    previousTimeMs: number,
  ) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#clock = clock;
    this.#record = record;
    this.previousTimeMs = previousTimeMs;
  }

  /** Greater than the epoch of every earlier owner whose file was here. */
  get epoch(): number {
    return this.#record.epoch;
  }

  /**
   * Records the shard processes and the folder of their socket, durably. Call this before a new shard may access its
   * files: the next owner does not kill a process that is not recorded.
   */
  recordShards(shards: readonly ProcessIdentity[], runtimeFolder: string | null): void {
    this.#checkHeld();
    this.#rewrite({ ...this.#record, shards: [...shards], runtimeFolder, timeMs: this.#time(this.#clock()) });
  }

  /**
   * Changes to a higher epoch. For a folder whose other files know later epochs than its owner files: one that was
   * restored from a copy without owner files, or whose damaged owner file was removed. Call this before writing
   * anything in the current epoch.
   */
  raiseEpoch(epoch: number): void {
    this.#checkHeld();
    const previous = this.epoch;
    if (epoch <= previous) {
      return;
    }
    invariant(epoch <= maxEpoch, "an epoch fits in 4 bytes");
    const record = { ...this.#record, epoch };
    if (!linkOwnerFile(this.#fileSystem, this.#folder, record)) {
      throw this.#lost();
    }
    // Up to here the lower file still locks the folder; from here on the higher one does.
    this.#record = record;
    this.#fileSystem.syncFolder(this.#folder);
    this.#fileSystem.remove(`${this.#folder}/${ownerFileName(previous)}`);
  }

  /**
   * Releases the folder. The shards must have ended. The file remains, without a holder, as the record of the epoch. A
   * second call does nothing; after a failure, release may be called again. Also does nothing if the owner file is
   * gone, perhaps together with the folder.
   */
  release(timeMs: number = this.#clock()): void {
    if (this.#isReleased) {
      return;
    }
    if (this.#isHighest()) {
      this.#rewrite({
        ...this.#record,
        holder: null,
        shards: [],
        runtimeFolder: null,
        timeMs: this.#time(timeMs),
      });
    }
    this.#isReleased = true;
  }

  /**
   * For use after a failure, which matters more. If this fails too, the folder stays locked until this process ends.
   */
  releaseQuietly(): void {
    try {
      this.release();
    } catch {
      return;
    }
  }

  #time(timeMs: number): number {
    return Math.max(timeMs, this.#record.timeMs);
  }

  #rewrite(record: OwnerRecord): void {
    const name = ownerFileName(record.epoch);
    try {
      replaceFile(this.#fileSystem, this.#folder, name, encodeOwnerRecord(record));
    } catch (error) {
      if (record.holder !== null || !(error instanceof FastKVError) || error.code !== "FASTKV_NO_SPACE") {
        throw error;
      }
      this.#overwrite(`${this.#folder}/${name}`, record);
    }
    this.#record = record;
  }

  /**
   * Releases the folder when a full disk has no space for a second file; otherwise this process would lock the folder
   * until it ends. The released record is shorter, so it fits into the blocks of the existing file.
   */
  #overwrite(path: string, record: OwnerRecord): void {
    const handle = this.#fileSystem.open(path, "update");
    try {
      const sizeBytes = handle.sizeBytes();
      const bytes = encodeOwnerRecord(record, sizeBytes);
      invariant(bytes.length === sizeBytes, "a released owner record is no longer than a held one");
      handle.write(bytes, 0);
      handle.sync();
    } finally {
      handle.close();
    }
  }

  #isHighest(): boolean {
    try {
      return listOwnerEpochs(this.#fileSystem, this.#folder).at(-1) === this.epoch;
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") {
        return false;
      }
      throw error;
    }
  }

  #checkHeld(): void {
    invariant(!this.#isReleased, "a released ownership is not used");
    if (!this.#isHighest()) {
      throw this.#lost();
    }
  }

  #lost(): FastKVError {
    return new FastKVError(
      "FASTKV_LOCKED",
      `The owner file ${this.#folder}/${ownerFileName(this.epoch)} was removed or superseded while this process ` +
        "had the database open. Close the database and open it again.",
    );
  }
}
