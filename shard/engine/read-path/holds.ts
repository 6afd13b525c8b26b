/**
 * What open snapshots and scans hold: a sequence number (versions that they see stay) and a time (values that had not
 * expired then stay). Holds are checked on every overwrite, so the check uses a sorted array.
 */

export interface Hold {
  sequence: number;
  timeMs: number;
}

/** The holds at one moment. Plain data, so that it can be sent to a worker. */
export class HoldView {
  /** Sorted, unique. */
  readonly sequences: readonly number[];
  readonly holds: readonly Hold[];

  constructor(holds: readonly Hold[]) {
    this.holds = holds;
    this.sequences = [...new Set(holds.map((hold) => hold.sequence))].sort((a, b) => a - b);
  }

  /** Whether a hold still sees version `older` of a key although version `newer` came later. */
  needs(older: number, newer: number): boolean {
    const { sequences } = this;
    const last = sequences.length - 1;
    if (last < 0 || sequences[last]! < older) {
      return false;
    }
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequences[middle]! >= older) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return sequences[low]! < newer;
  }

  /** Whether a hold may still see, at its own time, a value that has expired since. */
  needsExpired(sequence: number, expiresAt: number): boolean {
    return this.holds.some((hold) => hold.sequence >= sequence && hold.timeMs < expiresAt);
  }
}

export class Holds {
  readonly #byId = new Map<number, Hold>();
  /** Made on demand: many holds may be taken and released in between. */
  #view: HoldView | undefined;
  /** True until the coordinator has reported what is held. Until then no version is dropped. */
  retainAll = true;

  get size(): number {
    return this.#byId.size;
  }

  /** Takes a hold. The coordinator assigns the ids; a hold with the same id is replaced. */
  take(id: number, hold: Hold): void {
    this.#byId.set(id, hold);
    this.#view = undefined;
  }

  /** Releases a hold; an unknown id is no error (a hold may be released twice around a restart). */
  release(id: number): void {
    if (this.#byId.delete(id)) {
      this.#view = undefined;
    }
  }

  view(): HoldView {
    this.#view ??= new HoldView([...this.#byId.values()]);
    return this.#view;
  }

  needs(older: number, newer: number): boolean {
    return this.retainAll || this.view().needs(older, newer);
  }
}
