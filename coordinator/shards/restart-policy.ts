/** A shard that dies more often than this within the window is given up. */
const mostDeaths = 5;
const windowMs = 30_000;
const firstPauseMs = 20;
/** A shard whose disk is full cannot start: it is tried again at this pace for as long as that lasts. */
const noSpacePauseMs = 500;

/** Decides when a shard that died is started anew, and when it is given up. */
export class RestartPolicy {
  #deathTimesMs: number[] = [];

  /** How long to wait before the next start; undefined: the shard has died too often. */
  noteDeath(nowMs: number): number | undefined {
    this.#deathTimesMs = [...this.#deathTimesMs.filter((time) => nowMs - time < windowMs), nowMs];
    const deaths = this.#deathTimesMs.length;
    if (deaths > mostDeaths) {
      return undefined;
    }
    return deaths === 1 ? 0 : firstPauseMs * 2 ** deaths;
  }

  /** A start that failed for want of room is no death: it may take any time until there is some. */
  noteNoSpace(): number {
    this.#deathTimesMs = [];
    return noSpacePauseMs;
  }

  /** For messages. */
  get history(): string {
    return `${this.#deathTimesMs.length} times within ${windowMs / 1000} s`;
  }
}
