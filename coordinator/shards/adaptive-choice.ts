/** Number of times per trial. */
const timesPerTrial = 64;
/** After this many trials the slower way is tried again: the machine may have become busy, or idle. */
const trialsPerProbe = 32;
/** Longer times have other causes and are cut to this. */
const longestMs = 1;
/** The first way must be faster by this factor. */
const margin = 0.95;

/** Finds out by trying which of two ways to do the same thing is faster now. */
export class AdaptiveChoice {
  /** Whether to use the first way next. */
  isFirst = true;
  #firstMs: number | undefined;
  #secondMs: number | undefined;
  #sumMs = 0;
  #times = 0;
  #trials = 0;

  /** Notes how long the chosen way took. */
  note(tookMs: number): void {
    this.#sumMs += Math.min(tookMs, longestMs);
    this.#times += 1;
    if (this.#times < timesPerTrial) {
      return;
    }
    const meanMs = this.#sumMs / this.#times;
    this.#sumMs = 0;
    this.#times = 0;
    this.#trials += 1;
    if (this.isFirst) {
      this.#firstMs = smoothed(this.#firstMs, meanMs);
    } else {
      this.#secondMs = smoothed(this.#secondMs, meanMs);
    }
    const isFirstFaster = this.#secondMs !== undefined && this.#firstMs! <= this.#secondMs * margin;
    const isProbe = this.#trials % trialsPerProbe === 0;
    this.isFirst = isProbe ? !isFirstFaster : isFirstFaster;
  }
}

function smoothed(before: number | undefined, now: number): number {
  return before === undefined ? now : (before + now) / 2;
}
