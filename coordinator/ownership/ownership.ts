import { FastKVError, invariant } from "../../shared/errors.js";
import { type FileSystem, replaceFile } from "../../shared/storage/file-system.js";
import { linkOwnerFile, listOwnerEpochs, ownerFileName } from "./owner-files.js";
import { encodeOwnerRecord, maxEpoch, type OwnerRecord } from "./owner-record.js";
import type { ProcessIdentity } from "./process-identity.js";
import { systemErrorCode } from "./system-error.js";

export interface OwnershipOptions {
  /** The coordinator's clock, ms. */
  clock: () => number;
  /** A folder for runtime folders other than the usual ones, as given to `createRuntimeFolder`. */
  runtimeParent?: string;
}

/**
 * The right to use a database folder, got from `acquireOwnership`. Only the owner rewrites its owner file, and looks
 * first whether it still is the highest: so a file that was removed by hand is noticed, too.
 */
export class Ownership {
  /** The latest time that an earlier owner recorded, ms; 0 where there was none. */
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

  /** Greater than that of every earlier owner whose file was here. */
  get epoch(): number {
    return this.#record.epoch;
  }

  /**
   * Records the shard processes and where their socket is, durably. To be called before a new shard is allowed to
   * touch its files: what is not recorded is not killed by who takes over.
   */
  recordShards(shards: readonly ProcessIdentity[], runtimeFolder: string | null): void {
    this.#checkHeld();
    this.#rewrite({ ...this.#record, shards: [...shards], runtimeFolder, timeMs: this.#time(this.#clock()) });
  }

  /**
   * Moves on to a higher epoch. For a folder whose other files know of later epochs than its owner files do: one
   * restored from a copy without them, or whose damaged owner file was removed. To be called before anything is
   * written in the present epoch.
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
    // The lower file still locks the folder until here, and from here on the higher one does.
    this.#record = record;
    this.#fileSystem.syncFolder(this.#folder);
    this.#fileSystem.remove(`${this.#folder}/${ownerFileName(previous)}`);
  }

  /**
   * Lets the folder go. The shards must have ended. The file stays, without a holder, as the epoch's record. A
   * second call does nothing; after a failure it may be called again. Does nothing, too, where the owner file has
   * gone, and the folder perhaps with it.
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

  /** For after a failure, which says more: where even this fails, the folder stays locked until this process ends. */
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
   * Releases on a full disk, where there is no room for a second file: this process would otherwise lock the folder
   * until it ends. The released record is the shorter one, so it fits into the blocks that the file has.
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
