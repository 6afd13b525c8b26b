/** Group 8: file descriptors, processes, sockets, timers and memory return to where they were. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { findLeaks, growths, type Sample, type Tolerance, type Tolerances } from "./leaks/trend.js";
import type { WorkName, WorkOrder } from "./leaks/work.js";

const programPath = fileURLToPath(new URL("./leaks/program.js", import.meta.url));
/** Figures of the first ones are left out: code is still being compiled, and caches fill. */
const warmUpRounds = 4;
/** Taking them takes time, of which a short run has little. */
const shortRun = { ms: 30_000, rounds: warmUpRounds + 5 };
const allRounds = warmUpRounds + 9;
/** Less time than this tells nothing of a work: then some works are left out, drawn by chance. */
const leastMsOfWork = 6000;

interface WorkPlan {
  readonly work: WorkName;
  /** How often it is done where the time allows it. */
  readonly operations: number;
  /** Of the group's time. */
  readonly share: number;
  /** Growth of a heap, or of its buffers, that is no leak. */
  readonly heap: Tolerance;
}

const mib = 1024 * 1024;

const plans: readonly WorkPlan[] = [
  { work: "opens", operations: 1000, share: 0.4, heap: { perOperation: 2048, inAll: 2 * mib } },
  { work: "scans", operations: 100_000, share: 0.25, heap: { perOperation: 20, inAll: 2 * mib } },
  { work: "snapshots", operations: 50_000, share: 0.1, heap: { perOperation: 30, inAll: 2 * mib } },
  // An hour of 500 calls a second.
  { work: "churn", operations: 1_800_000, share: 0.25, heap: { perOperation: 5, inAll: 2 * mib } },
];

/** Those that come and go: a table more or less is open, a timer is just running. One in 100 operations is a leak. */
const counted: Tolerance = { perOperation: 0.005, inAll: 4 };
/** The memory that the system sees follows the heap's, in large steps. */
const resident: Tolerance = { perOperation: 50, inAll: 96 * mib };

/** What is not named here must not change at all. */
function tolerancesOf({ work, heap }: WorkPlan): Tolerances {
  // The shards of a database that stays open keep tables open, and as many files as there are levels to fill.
  const tables = { perOperation: counted.perOperation, inAll: 24 };
  return {
    "coordinator: descriptors": counted,
    "coordinator: sockets": counted,
    "coordinator: handles": counted,
    "coordinator: heapBytes": heap,
    "coordinator: bufferBytes": heap,
    "coordinator: residentBytes": work === "opens" ? { ...resident, perOperation: 4096 } : resident,
    "shards: descriptors": tables,
    "shards: handles": counted,
    "shards: heapBytes": heap,
    "shards: bufferBytes": heap,
    "shards: residentBytes": resident,
    files: tables,
  };
}

async function perform(context: TortureContext, plan: WorkPlan, timeMs: number): Promise<Sample[]> {
  const root = context.folder();
  const rounds = timeMs < shortRun.ms ? shortRun.rounds : allRounds;
  const order: WorkOrder = {
    work: plan.work,
    storeUrl: context.storeUrl,
    root,
    seed: context.random.next32(),
    rounds,
    operationsOfRound: Math.ceil(plan.operations / rounds),
    timeMs,
  };
  const errorsPath = path.join(root, "errors.txt");
  const errors = fs.openSync(errorsPath, "w");
  const child = spawn(process.execPath, ["--expose-gc", programPath, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", errors],
  });
  fs.closeSync(errors);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const samples: Sample[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    samples.push(JSON.parse(line) as Sample);
  }
  const [code, signal] = await exited;
  if (code !== 0) {
    const said = fs.readFileSync(errorsPath, "utf8").slice(-4000);
    throw new Error(`The program of ${plan.work} ended with ${code ?? signal}: ${said}`);
  }
  return samples;
}

/** As many works as there is time for; each at its own place among them. */
function choose({ random, deadlineMs, cases }: TortureContext): readonly WorkPlan[] {
  const most = Math.floor((deadlineMs - performance.now()) / leastMsOfWork);
  const drawn = random.shuffle([...plans]).slice(0, Math.max(1, Math.min(most, cases)));
  return plans.filter((plan) => drawn.includes(plan));
}

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: Record<string, number> = {};
  let cases = 0;
  const chosen = choose(context);
  let sharesLeft = chosen.reduce((sum, { share }) => sum + share, 0);
  for (const plan of chosen) {
    const leftMs = Math.max(0, context.deadlineMs - performance.now());
    const timeMs = (leftMs * plan.share) / sharesLeft;
    sharesLeft -= plan.share;
    const samples = await perform(context, plan, timeMs);
    const judged = samples.slice(warmUpRounds);
    const leaks = findLeaks(judged, tolerancesOf(plan));
    if (leaks.length > 0) {
      throw new Error(
        `Leaks of ${plan.work} over ${samples.at(-1)!.operations} operations: ${leaks.join("; ")}`,
      );
    }
    cases += 1;
    counts[plan.work] = samples.at(-1)!.operations;
    for (const { name, perOperation } of growths(judged)) {
      if (name.endsWith("heapBytes")) {
        counts[`${plan.work}: bytes an operation, ${name.split(":")[0]}`] =
          Math.round(perOperation * 10) / 10;
      }
    }
    context.progress(`${plan.work}: ${samples.at(-1)!.operations} operations`);
  }
  return { cases, counts };
}

export const leaks: TortureGroup = {
  name: "leaks",
  title:
    "opens, scans that are left, snapshots and churn: descriptors, processes, sockets, timers and memory come back",
  run,
};
