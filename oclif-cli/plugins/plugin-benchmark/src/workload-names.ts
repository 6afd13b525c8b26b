/** The names alone, for the command's flags: its description must not cost loading the workloads. */

export const workloadNames = [
  "fillseq",
  "fillrandom",
  "overwrite",
  "batch",
  "bulkload",
  "readrandom",
  "readhot",
  "readmissing",
  "getmany",
  "scan",
  "prefixscan",
  "readwhilewriting",
  "mixed",
] as const;

export type WorkloadName = (typeof workloadNames)[number];
