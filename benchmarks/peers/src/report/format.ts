import os from "node:os";
import type { Settings } from "../run/settings.js";

/** Three digits: `253k`, `1.02M`, `9.31`. */
export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) {
    return "-";
  }
  const [size, unit] =
    perSecond >= 1e6 ? [perSecond / 1e6, "M"] : perSecond >= 1e3 ? [perSecond / 1e3, "k"] : [perSecond, ""];
  return `${size >= 100 ? size.toFixed(0) : size.toPrecision(3)}${unit}`;
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? "-" : ratio.toFixed(2);
}

export function formatMib(bytes: number | undefined): string {
  return bytes === undefined ? "-" : (bytes / 2 ** 20).toFixed(0);
}

export function formatMs(us: number | undefined): string {
  return us === undefined ? "-" : (us / 1_000).toPrecision(3);
}

export function describeMachine(): string {
  const cpus = os.cpus();
  const memory = (os.totalmem() / 2 ** 30).toFixed(0);
  return `${cpus[0]?.model.trim() || "unknown processor"}, ${cpus.length} cores, ${memory} GiB, ${os.type()} ${os.release()}, Node ${process.version}`;
}

export function describeSettings(settings: Settings): string {
  const { records, ycsbRecords, valueKind, rounds, seconds } = settings;
  return `${records.toLocaleString("en")} records (${valueKind}), YCSB ${ycsbRecords.toLocaleString("en")}; ${rounds} rounds, medians; ${seconds} s for each workload that has no end of its own`;
}
