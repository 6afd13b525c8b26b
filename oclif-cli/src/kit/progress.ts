/** A progress bar on stderr, on a terminal only. It appears after a moment, so that short work stays quiet. */

import type { SingleBar } from "cli-progress";

const showAfterMs = 300;

export interface Progress {
  /** `total` may be unknown: then a running count is shown. */
  update(done: number, total: number | undefined): void;
  stop(): void;
}

export async function startProgress(
  label: string,
  options: { unit?: string; stream?: NodeJS.WriteStream; enabled?: boolean } = {},
): Promise<Progress> {
  const stream = options.stream ?? process.stderr;
  if (!stream.isTTY || options.enabled === false) {
    return { update: () => {}, stop: () => {} };
  }
  const { SingleBar, Presets } = await import("cli-progress");
  return new TerminalProgress(
    (total) =>
      new SingleBar(
        {
          stream,
          format:
            total === undefined
              ? `${label} {value} ${options.unit ?? "items"}`
              : `${label} {bar} {percentage}% | {eta_formatted} left`,
          barsize: barCharacters(stream, label),
          hideCursor: true,
          clearOnComplete: true,
          gracefulExit: false,
          noTTYOutput: false,
        },
        Presets.shades_classic,
      ),
  );
}

/** Short enough for a narrow terminal: a wrapped line could not be overwritten. */
function barCharacters(stream: NodeJS.WriteStream, label: string): number {
  const others = label.length + " 100% | 59m59s left ".length;
  return Math.max(4, Math.min(30, stream.columns - others));
}

class TerminalProgress implements Progress {
  readonly #make: (total: number | undefined) => SingleBar;
  readonly #startedMs = performance.now();
  #bar: SingleBar | undefined;

  constructor(make: (total: number | undefined) => SingleBar) {
    this.#make = make;
  }

  update(done: number, total: number | undefined): void {
    if (this.#bar) {
      this.#bar.update(done);
    } else if (performance.now() - this.#startedMs >= showAfterMs) {
      this.#bar = this.#make(total);
      this.#bar.start(total ?? 0, done);
    }
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** For work that cannot report its progress: `Compacting 12 s`, on a terminal only. */
export async function startTicker(label: string, enabled = true): Promise<{ stop(): void }> {
  const progress = await startProgress(label, { unit: "s", enabled });
  const startedMs = performance.now();
  const timer = setInterval(() => {
    progress.update(Math.floor((performance.now() - startedMs) / 1_000), undefined);
  }, 250);
  return {
    stop() {
      clearInterval(timer);
      progress.stop();
    },
  };
}
