/** Only the names, for the command's flags: showing the command's description must not load the workloads. */

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
