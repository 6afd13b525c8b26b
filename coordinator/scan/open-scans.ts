import type { FastKVError } from "../../shared/errors.js";
import type { ScanRun } from "./merged-scan.js";

const firstSweepSize = 64;

/** The scans in progress, to be ended with the database. Does not keep forgotten scans from being collected. */
export class OpenScans {
  readonly #runs = new Set<WeakRef<ScanRun>>();
  /** At this size, scans that are over are removed. */
  #sweepSize = firstSweepSize;

  add(run: ScanRun): void {
    if (this.#runs.size >= this.#sweepSize) {
      for (const reference of this.#runs) {
        if (reference.deref()?.isOver ?? true) {
          this.#runs.delete(reference);
        }
      }
      this.#sweepSize = Math.max(firstSweepSize, this.#runs.size * 2);
    }
    this.#runs.add(new WeakRef(run));
  }

  endAll(reason: FastKVError): void {
    for (const reference of this.#runs) {
      reference.deref()?.end(reason);
    }
    this.#runs.clear();
  }
}
