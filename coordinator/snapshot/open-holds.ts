import type { ReadPoint } from "../../shared/read-point.js";
import type { HeldSnapshot } from "../../shared/wire/messages.js";
import { GatheredIds } from "../event-loop/gathered-ids.js";

interface Hold {
  point: ReadPoint;
  /** Whether a shard may know of this hold. */
  isAnnounced: boolean;
}

/** Tells shards about holds. */
export interface HoldAnnouncer {
  tell(hold: HeldSnapshot): void;
  giveBack(id: number): void;
}

/** The read points that open snapshots and scans still use. No shard drops a version that one of them sees. */
export class OpenHolds {
  readonly #tellers: HoldAnnouncer;
  readonly #holds = new Map<number, Hold>();
  readonly #deferred = new GatheredIds((ids) => this.#tellAll(ids));
  #nextId = 1;

  constructor(tellers: HoldAnnouncer) {
    this.#tellers = tellers;
  }

  get size(): number {
    return this.#holds.size;
  }

  /** Returns the id of the new hold. Ids are never reused. */
  take(point: ReadPoint): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#holds.set(id, { point, isAnnounced: false });
    return id;
  }

  has(id: number): boolean {
    return this.#holds.has(id);
  }

  /** Called when a request announces the hold to a shard. Returns false if the hold was already released. */
  noteAnnounced(id: number): boolean {
    const hold = this.#holds.get(id);
    if (hold === undefined) {
      return false;
    }
    hold.isAnnounced = true;
    return true;
  }

  /**
   * For a hold that no request announces to every shard: one of a snapshot, or of a scan that the scan cache answered.
   * A shard must know it before a later write, or a frame with a later time, arrives. So it is announced before the
   * next frame leaves (`announceDeferred`), else at the end of this turn of the event loop, when most scans from memory
   * are over.
   */
  defer(id: number): void {
    this.#deferred.add(id);
  }

  announceDeferred(): void {
    this.#deferred.tellNow();
  }

  release(id: number): void {
    const hold = this.#holds.get(id);
    this.#holds.delete(id);
    if (hold?.isAnnounced === true) {
      this.#tellers.giveBack(id);
    }
  }

  /** All holds, for a shard that starts. Marks them as announced. */
  list(): HeldSnapshot[] {
    return [...this.#holds].map(([id, hold]) => {
      hold.isAnnounced = true;
      return { id, ...hold.point };
    });
  }

  /** Skips holds that were released meanwhile. */
  #tellAll(ids: readonly number[]): void {
    for (const id of ids) {
      const hold = this.#holds.get(id);
      if (hold !== undefined) {
        hold.isAnnounced = true;
        this.#tellers.tell({ id, ...hold.point });
      }
    }
  }
}
