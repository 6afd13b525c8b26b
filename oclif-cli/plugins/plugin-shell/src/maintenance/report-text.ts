/** Reports of `verify` and `repair` as text. */

import type { Finding, RepairReport, VerifyReport } from "fastkv";
import { counted } from "fastkv-cli/kit/counted";
import { escapeControls } from "fastkv-cli/kit/escape";

/** `shard-000/000042.sst, offset 4096: wrong checksum of a block (keys "a" to "k")` */
export function findingLine({ severity, file, offset, message, keys }: Finding): string {
  const place = offset === undefined ? file : `${file}, offset ${offset}`;
  const extent = keys === undefined ? "" : ` (${keysText(keys)})`;
  return escapeControls(`${severity === "note" ? "Note: " : ""}${place}: ${message}${extent}`);
}

function keysText({ from, to }: { from: string; to: string }): string {
  return from === to ? `key ${from}` : `keys ${from} to ${to}`;
}

export function summaryOf(report: VerifyReport): string {
  const { isSound, damages, shards, tables, entries, walRecords, batches, bytes, unlisted } = report;
  const read = [
    counted(shards, "shard"),
    `${counted(tables, "table")} with ${counted(entries, "entry", "entries")}`,
    counted(walRecords, "WAL record"),
    counted(batches, "logged batch", "logged batches"),
    counted(bytes, "byte"),
  ].join(", ");
  const more = unlisted === 0 ? "" : ` (not listed: ${counted(unlisted, "more finding", "more findings")})`;
  return isSound ? `Sound: ${read}${more}` : `Damaged: ${counted(damages, "finding")} in ${read}${more}`;
}

export function repairSummary(report: RepairReport): string[] {
  const { wasDamaged, before, after, lostItems, losses, setAside, lostFolder } = report;
  if (!wasDamaged) {
    return ["Nothing to repair", summaryOf(after)];
  }
  const unlisted = lostItems - losses.length;
  return [
    `Repaired: ${counted(before.damages, "finding")} of damage; ${counted(lostItems, "loss", "losses")}${unlisted > 0 ? ` (not listed: ${unlisted})` : ""}`,
    ...(lostFolder === null
      ? []
      : [`Kept: ${counted(setAside.length, "replaced file")} in ${escapeControls(lostFolder)}`]),
    ...after.findings.filter((finding) => finding.severity === "damage").map(findingLine),
    summaryOf(after),
  ];
}
