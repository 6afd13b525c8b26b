/** So many times make a trial. */
const timesPerTrial = 64;
/** Every so many trials the slower way is tried again: the machine may have become busy, or idle. */
const trialsPerProbe = 32;
/** What takes longer has other causes. */
const longestMs = 1;
/** By so much the first way has to be faster. */
const margin = 0.95;

/** Which of two ways to do the same is faster here and now, found out by trying. */
export class FasterWay {
  /** Which way to go next. */
  isFirst = true;
  #firstMs: number | undefined;
  #secondMs: number | undefined;
  #sumMs = 0;
  #times = 0;
  #trials = 0;

  /** How long it took, the way that was to be gone. */
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
