/** A shard that dies more often than this within the window is given up. */
const mostDeaths = 5;
const windowMs = 30_000;
const firstPauseMs = 20;
/** A shard cannot start while its disk is full. Its start is retried at this interval as long as that lasts. */
const noSpacePauseMs = 500;

/** Decides when a dead shard is restarted, and when it is given up. */
export class RestartPolicy {
  #deathTimesMs: number[] = [];

  /** Returns how long to wait before the next start; undefined if the shard has died too often. */
  noteDeath(nowMs: number): number | undefined {
    this.#deathTimesMs = [...this.#deathTimesMs.filter((time) => nowMs - time < windowMs), nowMs];
    const deaths = this.#deathTimesMs.length;
    if (deaths > mostDeaths) {
      return undefined;
    }
    return deaths === 1 ? 0 : firstPauseMs * 2 ** deaths;
  }

  /**
   * A start that failed because the disk is full does not count as a death: it may take any time until there is space.
   */
  noteNoSpace(): number {
    this.#deathTimesMs = [];
    return noSpacePauseMs;
  }

  /** For error messages. */
  get history(): string {
    return `${this.#deathTimesMs.length} times within ${windowMs / 1000} s`;
  }
}
