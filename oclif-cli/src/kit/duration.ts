/** Durations as people write them: `1500`, `1500ms`, `90s`, `5m`, `2h`, `7d`. */

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Returns milliseconds; undefined for text that is not a duration. A number without a unit means milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (!match) {
    return undefined;
  }
  return Math.round(Number(match[1]) * unitMs[(match[2] ?? "ms") as keyof typeof unitMs]);
}

/** `0.4 ms`, `12 ms`, `3.20 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDurationMs(ms: number): string {
  if (ms < 10) {
    return `${ms.toFixed(1)} ms`;
  }
  if (ms < 1_000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 60_000) {
    return `${(ms / 1_000).toFixed(2)} s`;
  }
  const minutes = Math.floor(ms / unitMs.m);
  if (minutes < 60) {
    return `${minutes} min ${Math.floor((ms % unitMs.m) / 1_000)} s`;
  }
  const hours = Math.floor(ms / unitMs.h);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
