import { createHistogram } from "node:perf_hooks";

const resolutionMs = 5;
const nanosecondsPerMs = 1e6;
/** After this many ticks without work, about a second, measuring pauses. */
const idleTicks = 200;

/**
 * How long the event loop was blocked while the shard had work: the time between two ticks of a timer, as
 * `perf_hooks.monitorEventLoopDelay` measures it. That function would wake an idle process two hundred times a second.
 */
export class LoopDelay {
  readonly #histogram = createHistogram();
  readonly #isWorking: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #lastTickMs = 0;
  #ticksWithoutWork = 0;

  /** `isWorking` tells whether work is going on that does not call `noteWork`. */
  constructor(isWorking: () => boolean) {
    this.#isWorking = isWorking;
  }

  noteWork(): void {
    this.#ticksWithoutWork = 0;
    if (this.#timer === undefined) {
      this.#lastTickMs = performance.now();
      this.#timer = setTimeout(this.#tick, resolutionMs);
    }
  }

  percentiles(): { p99: number; p999: number; max: number } {
    const histogram = this.#histogram;
    return {
      p99: histogram.percentile(99) / nanosecondsPerMs,
      p999: histogram.percentile(99.9) / nanosecondsPerMs,
      max: histogram.max / nanosecondsPerMs,
    };
  }

  readonly #tick = (): void => {
    const nowMs = performance.now();
    this.#histogram.record(Math.max(1, Math.round((nowMs - this.#lastTickMs) * nanosecondsPerMs)));
    this.#lastTickMs = nowMs;
    this.#ticksWithoutWork = this.#isWorking() ? 0 : this.#ticksWithoutWork + 1;
    this.#timer = this.#ticksWithoutWork > idleTicks ? undefined : setTimeout(this.#tick, resolutionMs);
  };
}
