import type { HeldSnapshot } from "../shared/wire/messages.js";
import type { ScanPoint } from "./merged-scan.js";

/** The moments that snapshots and scans still read: no shard drops a version that one of them sees. */
export class OpenHolds {
  readonly #points = new Map<number, ScanPoint>();
  #nextId = 1;

  get size(): number {
    return this.#points.size;
  }

  /** Gives its id, which is never used again. */
  take(point: ScanPoint): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#points.set(id, point);
    return id;
  }

  has(id: number): boolean {
    return this.#points.has(id);
  }

  /** False where it was not there any more. */
  release(id: number): boolean {
    return this.#points.delete(id);
  }

  list(): HeldSnapshot[] {
    return [...this.#points].map(([id, point]) => ({ id, ...point }));
  }
}
