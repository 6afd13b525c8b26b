import type { HeldSnapshot } from "../shared/wire/messages.js";
import { GatheredIds } from "./gathered-ids.js";
import type { ScanPoint } from "./merged-scan.js";

interface Hold {
  point: ScanPoint;
  /** A shard may know of it. */
  isTold: boolean;
}

/** How shards learn of holds. */
export interface HoldTellers {
  tell(hold: HeldSnapshot): void;
  giveBack(id: number): void;
}

/** The moments that snapshots and scans still read: no shard drops a version that one of them sees. */
export class OpenHolds {
  readonly #tellers: HoldTellers;
  readonly #holds = new Map<number, Hold>();
  readonly #deferred = new GatheredIds((ids) => this.#tellAll(ids));
  #nextId = 1;

  constructor(tellers: HoldTellers) {
    this.#tellers = tellers;
  }

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

  /** A shard is told of it with a request. False where it was given back. */
  noteTold(id: number): boolean {
    const hold = this.#holds.get(id);
    if (hold === undefined) {
      return false;
    }
    hold.isTold = true;
    return true;
  }

  /**
   * No request tells every shard of it: it is of a snapshot, or of a scan that the scan cache has answered. It matters to a
   * shard only behind a later write, and behind a frame of a later time: so it is told before the next frame leaves
   * (`tellDeferred`), else at the end of this turn of the event loop, when most scans from memory are over.
   */
  defer(id: number): void {
    this.#deferred.add(id);
  }

  tellDeferred(): void {
    this.#deferred.tellNow();
  }

  release(id: number): void {
    const hold = this.#holds.get(id);
    this.#holds.delete(id);
    if (hold?.isTold === true) {
      this.#tellers.giveBack(id);
    }
  }

  /** All of them, to be told to a shard that starts. */
  list(): HeldSnapshot[] {
    return [...this.#holds].map(([id, hold]) => {
      hold.isTold = true;
      return { id, ...hold.point };
    });
  }

  /** But for those that were given back. */
  #tellAll(ids: readonly number[]): void {
    for (const id of ids) {
      const hold = this.#holds.get(id);
      if (hold !== undefined) {
        hold.isTold = true;
        this.#tellers.tell({ id, ...hold.point });
      }
    }
  }
}
