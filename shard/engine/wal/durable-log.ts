/**
 * The WAL with its bookkeeping: what was written, what is on disk, and what is owed to it. Operations that may not be
 * refused (parts of logged batches, writes sent again after a restart) are owed while the WAL has no disk space for
 * them. They are written first once it has, and nothing after them counts as on disk before.
 */

import { FastKVError, fromErrorReport, toErrorReport } from "../../../shared/errors.js";
import type { SectionPart } from "../../../shared/format/operations.js";
import { maxUnsyncedWalBytes } from "../options.js";
import type { Wal } from "./wal.js";

export interface DurableLogOwner {
  timeMs(): number;
  /** Whether owed operations may be written once there is disk space for them. */
  mayPay(): boolean;
  onSynced(): void;
  /** What is on disk is unknown: the shard must restart. */
  onFatal(error: unknown): void;
}

export function notApplied(error: unknown): FastKVError {
  return fromErrorReport({ ...toErrorReport(error), writeOutcome: "not-applied" });
}

export function restartsAfterFailedSync(): FastKVError {
  return new FastKVError("FASTKV_IO", "The shard restarts after a sync that failed. Try again in a moment.", {
    writeOutcome: "not-applied",
  });
}

export class DurableLog {
  /** Every operation up to this number was applied or refused; owed operations were only applied, not written. */
  appliedSequence: number;
  /** Every operation up to this number is on disk. */
  syncedSequence: number;

  readonly #wal: Wal;
  readonly #owner: DurableLogOwner;
  #owed: SectionPart[] = [];
  #syncing: Promise<void> | undefined;
  #syncWanted = false;
  #rotating: Promise<unknown> | undefined;
  #isFatal = false;

  constructor(wal: Wal, lastSequence: number, owner: DurableLogOwner) {
    this.#wal = wal;
    this.#owner = owner;
    this.appliedSequence = lastSequence;
    this.syncedSequence = lastSequence;
  }

  get segmentNumber(): number {
    return this.#wal.segmentNumber;
  }

  get sizeBytes(): number {
    return this.#wal.sizeBytes;
  }

  get owesNothing(): boolean {
    return this.#owed.length === 0;
  }

  get hasUnsynced(): boolean {
    return this.syncedSequence < this.appliedSequence;
  }

  /** Every operation up to this number is in the WAL or was refused, so it may be acknowledged as written. */
  get inWalSequence(): number {
    return this.#durableTarget();
  }

  /** Tries to write what is owed, after a running rotation. Resolves to true if nothing is owed any more. */
  async settleDebts(): Promise<boolean> {
    await this.#rotating?.catch(() => undefined);
    this.#tryToPayDebts();
    return this.owesNothing;
  }

  /** Writes a section after everything that is owed. A refusal is returned, not thrown. */
  append(part: SectionPart): FastKVError | undefined {
    if (this.#isFatal) {
      return restartsAfterFailedSync();
    }
    try {
      this.#payDebts();
      this.#wal.append(part.section, part.firstSequence, this.#owner.timeMs());
    } catch (error) {
      this.#checkFailure(error);
      return notApplied(error);
    }
    if (this.#wal.unsyncedBytes >= maxUnsyncedWalBytes) {
      this.requestSync();
    }
    return undefined;
  }

  owe(part: SectionPart): void {
    this.#owed.push(part);
  }

  /** Everything up to this number is in tables, including what was owed. */
  noteFlushed(sequence: number): void {
    this.#owed = this.#owed.filter((part) => part.lastSequence > sequence);
    this.#noteSynced(sequence);
  }

  /** Starts a sync, or another one after the sync that is running. `onSynced` reports the end. */
  requestSync(): void {
    if (this.#syncing !== undefined) {
      this.#syncWanted = true;
      return;
    }
    if (this.#isFatal) {
      return;
    }
    this.#tryToPayDebts();
    if (this.syncedSequence < this.#durableTarget()) {
      this.#syncing = this.#sync();
    }
  }

  /** Syncs everything that was written. Rejects if the disk refuses, which is final. */
  async syncNow(): Promise<void> {
    const target = this.#durableTarget();
    await this.#wal.sync();
    this.#noteSynced(target);
  }

  /** Whether the file was meant to become a segment but did not. */
  isUnused(fileNumber: number): boolean {
    return this.#wal.isUnused(fileNumber);
  }

  prepareNext(fileNumber: () => number, enter: (fileNumber: number) => Promise<void>): void {
    if (!this.#wal.nextIsPrepared) {
      // The next rotation reports the failure.
      void this.#wal.prepareNext(fileNumber(), enter).catch(() => undefined);
    }
  }

  /** Syncs the old segment and switches to the prepared one; false if there is no disk space for it. */
  async rotate(onNoRoom: (error: unknown) => void): Promise<boolean> {
    const target = this.#durableTarget();
    try {
      this.#rotating = this.#wal.rotate(this.#owner.timeMs());
      await this.#rotating;
    } catch (error) {
      if (this.#checkFailure(error)) {
        throw error;
      }
      onNoRoom(error);
      return false;
    } finally {
      this.#rotating = undefined;
    }
    this.#noteSynced(target);
    return true;
  }

  /** Waits for a running sync and for a segment that is being made. */
  async settle(): Promise<void> {
    await this.#syncing;
    await this.#wal.settleNext();
  }

  async close(): Promise<void> {
    await this.#syncing;
    await this.#wal.close();
  }

  async #sync(): Promise<void> {
    try {
      await this.syncNow();
    } catch (error) {
      // The kernel has marked the pages clean: a second try would succeed without writing the data.
      this.#isFatal = true;
      this.#owner.onFatal(error);
    } finally {
      this.#syncing = undefined;
      if (this.#syncWanted) {
        this.#syncWanted = false;
        this.requestSync();
      }
    }
  }

  #durableTarget(): number {
    const owed = this.#owed[0];
    return owed === undefined ? this.appliedSequence : Math.min(this.appliedSequence, owed.firstSequence - 1);
  }

  #noteSynced(sequence: number): void {
    if (sequence > this.syncedSequence) {
      this.syncedSequence = sequence;
      this.#owner.onSynced();
    }
  }

  /** Throws if there is still no disk space. */
  #payDebts(): void {
    for (let owed = this.#owed[0]; owed !== undefined; owed = this.#owed[0]) {
      this.#wal.append(owed.section, owed.firstSequence, this.#owner.timeMs());
      this.#owed.shift();
    }
  }

  #tryToPayDebts(): void {
    // A failed try is cut off again, and the last sync of the segment has to cover that: a rotation would not end.
    if (this.#rotating !== undefined || !this.#owner.mayPay()) {
      return;
    }
    try {
      this.#payDebts();
    } catch (error) {
      this.#checkFailure(error);
    }
  }

  /** True if the WAL can no longer be trusted; the owner is told then. */
  #checkFailure(error: unknown): boolean {
    if (this.#wal.failure === undefined) {
      return false;
    }
    this.#isFatal = true;
    this.#owner.onFatal(error);
    return true;
  }
}
