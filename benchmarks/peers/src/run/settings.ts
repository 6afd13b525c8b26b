/** The command line. */

import { parseArgs } from "node:util";
import { type ValueKind, valueKinds } from "../data/records.js";
import { defaultPeers } from "../stores/peers.js";

export interface Settings {
  records: number;
  ycsbRecords: number;
  rounds: number;
  peers: string[];
  workloads: string[];
  valueKind: ValueKind;
  seconds: number;
  pausesSeconds: number;
  folder: string | undefined;
  json: string | undefined;
  report: string | undefined;
}

export const usage = `Usage: npm run bench:peers -- [options]

  --records N        how many records a store holds: a multiple of 10,000 (default 300000)
  --ycsb-records N   the same for the YCSB workloads, of 1,000 bytes each (default: as --records)
  --rounds N         how often all is measured; medians are shown (default 3)
  --peers a,b        stores (default ${defaultPeers.join(",")}; also fastkv-<shards>, fastkv-snappy,
                     fastkv-large-caches, classic-level-plain, lmdb-msgpack,
                     lmdb-nosync)
  --shards 1,2,4     FastKV with these numbers of shards, instead of 2
  --workloads x,y    workloads, groups of them, or beginnings such as get- (default: all but pauses)
  --values KIND      ${valueKinds.join(", ")} (default object130)
  --seconds N        how long a workload without an end of its own runs (default 2)
  --duration N       seconds of the workload "pauses" (default 600; it runs when it is named)
  --folder PATH      where the stores keep their files (default: the system's folder for temporary files)
  --json FILE        all measurements
  --report FILE.html a page with charts
  --quick            20,000 records, one round, 0.3 seconds: to see that all works
`;

/** @throws Error with a sentence for an invalid option. */
export function parseSettings(args: string[]): Settings | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values: given } = parseArgs({
    args,
    options: {
      records: text,
      "ycsb-records": text,
      rounds: text,
      peers: text,
      shards: text,
      workloads: text,
      values: text,
      seconds: text,
      duration: text,
      folder: text,
      json: text,
      report: text,
      quick: flag,
      help: flag,
    },
  });
  if (given.help === true) {
    return "help";
  }
  const quick = given.quick === true;
  const records = number("records", given.records, quick ? 20_000 : 300_000);
  const ycsbRecords = number("ycsb-records", given["ycsb-records"], records);
  if (records % 10_000 !== 0) {
    throw new Error("--records must be a multiple of 10,000: the largest prefix scan gives so many");
  }
  const valueKind = (given.values ?? "object130") as ValueKind;
  if (!valueKinds.includes(valueKind)) {
    throw new Error(`--values must be one of ${valueKinds.join(", ")}`);
  }
  return {
    records,
    ycsbRecords,
    rounds: number("rounds", given.rounds, quick ? 1 : 3),
    peers: withShards(list(given.peers) ?? defaultPeers, list(given.shards)),
    workloads: list(given.workloads) ?? [],
    valueKind,
    seconds: number("seconds", given.seconds, quick ? 0.3 : 2),
    pausesSeconds: number("duration", given.duration, 600),
    folder: given.folder,
    json: given.json,
    report: given.report,
  };
}

function list(text: string | undefined): string[] | undefined {
  return text?.split(",").filter((name) => name !== "");
}

function number(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) {
    throw new Error(`--${option} must be a number above 0`);
  }
  return value;
}

function withShards(peers: string[], shards: string[] | undefined): string[] {
  return shards === undefined
    ? peers
    : peers.flatMap((peer) => (peer === "fastkv" ? shards.map((count) => `fastkv-${count}`) : [peer]));
}
