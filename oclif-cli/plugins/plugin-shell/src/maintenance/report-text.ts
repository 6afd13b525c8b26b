/** Reports of `verify` and `repair` as text. */

import type { Finding, RepairReport, VerifyReport } from "fastkv";
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
  const read = `${shards} shards, ${tables} tables with ${entries} entries, ${walRecords} WAL records, ${batches} logged batches, ${bytes} bytes`;
  const more = unlisted === 0 ? "" : ` (${unlisted} more findings are not listed)`;
  return isSound ? `Sound: ${read}${more}` : `Damaged: ${damages} findings in ${read}${more}`;
}

export function repairSummary(report: RepairReport): string[] {
  const { wasDamaged, before, after, lostItems, losses, setAside, lostFolder } = report;
  if (!wasDamaged) {
    return ["Nothing to repair", summaryOf(after)];
  }
  const unlisted = lostItems - losses.length;
  return [
    `Repaired: ${before.damages} findings of damage; ${lostItems} losses${unlisted > 0 ? ` (${unlisted} are not listed)` : ""}`,
    ...(lostFolder === null
      ? []
      : [`${setAside.length} replaced files are kept in ${escapeControls(lostFolder)}`]),
    ...after.findings.filter((finding) => finding.severity === "damage").map(findingLine),
    summaryOf(after),
  ];
}
