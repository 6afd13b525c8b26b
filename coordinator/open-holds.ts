import type { HeldSnapshot } from "../shared/wire/messages.js";
import type { ScanPoint } from "./merged-scan.js";

interface Hold {
  point: ScanPoint;
  /** A shard may know of it. */
  isTold: boolean;
}

/** The moments that snapshots and scans still read: no shard drops a version that one of them sees. */
export class OpenHolds {
  readonly #holds = new Map<number, Hold>();
  #nextId = 1;

  get size(): number {
    return this.#holds.size;
  }

  /** Gives its id, which is never used again. */
  take(point: ScanPoint): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#holds.set(id, { point, isTold: false });
    return id;
  }

  has(id: number): boolean {
    return this.#holds.has(id);
  }

  /** It is about to be told to a shard. Gives its moment; undefined where it was given back. */
  tell(id: number): ScanPoint | undefined {
    const hold = this.#holds.get(id);
    if (hold !== undefined) {
      hold.isTold = true;
    }
    return hold?.point;
  }

  /** True where shards have to be told: one may know of it. */
  release(id: number): boolean {
    const hold = this.#holds.get(id);
    this.#holds.delete(id);
    return hold?.isTold === true;
  }

  /** All of them, to be told to a shard. */
  tellAll(): HeldSnapshot[] {
    return [...this.#holds].map(([id, hold]) => {
      hold.isTold = true;
      return { id, ...hold.point };
    });
  }
}
