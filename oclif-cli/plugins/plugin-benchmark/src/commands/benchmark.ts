import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Command, Flags } from "@oclif/core";
import { CommandFailure, describeError } from "fastkv-cli/kit/failure";
import { durabilityFlag, shardsFlag } from "fastkv-cli/kit/flags";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { write } from "fastkv-cli/kit/output";
import { workloadNames } from "../workload-names.js";

export default class Benchmark extends Command {
  static override description = [
    "Measure throughput and latencies on temporary databases, which are removed afterwards.",
    `Workloads: ${workloadNames.join(", ")}.`,
  ].join("\n");
  static override examples = [
    "<%= config.bin %> benchmark",
    "<%= config.bin %> benchmark --records 1000000 --workload fillrandom readrandom",
    "<%= config.bin %> benchmark --report report.html",
  ];
  static override flags = {
    path: Flags.string({ char: "p", description: "folder in which to make the temporary databases" }),
    records: Flags.integer({
      char: "n",
      description: "number of records",
      default: 100_000,
      min: 1,
      max: 1_000_000_000,
    }),
    "value-size": Flags.integer({
      description: "bytes of each value",
      default: 100,
      min: 2,
      max: 16 * 1024 * 1024,
    }),
    workload: Flags.option({
      char: "w",
      description: "only these workloads (give several names, or the flag several times)",
      options: workloadNames,
      multiple: true,
    })(),
    shards: shardsFlag,
    durability: durabilityFlag,
    "in-flight": Flags.integer({
      description: "calls that are in flight at a time",
      default: 64,
      min: 1,
      max: 100_000,
    }),
    seed: Flags.integer({ description: "the same seed does the same work again", default: 1, min: 0 }),
    json: Flags.boolean({ description: "print the results as JSON" }),
    report: Flags.string({ description: "write a web page with charts, all in one file" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Benchmark);
    if (flags.report !== undefined) {
      await checkReport(flags.report);
    }
    const [{ runBenchmark }, { workloads }] = await Promise.all([
      import("../runner.js"),
      import("../workloads.js"),
    ]);
    const names: readonly string[] = flags.workload ?? workloadNames;
    const options = {
      parent: flags.path,
      records: flags.records,
      valueSizeBytes: flags["value-size"],
      inFlight: flags["in-flight"],
      seed: flags.seed,
      shards: flags.shards,
      durability: flags.durability,
    };
    const chosen = workloads.filter((workload) => names.includes(workload.name));
    const result = await interruptible((signal) => runBenchmark(chosen, options, signal));
    if (flags.json) {
      await write(process.stdout, `${JSON.stringify(result, null, 2)}\n`);
    } else {
      const { resultsTable } = await import("../results-table.js");
      await write(process.stdout, `${await resultsTable(result)}\n`);
    }
    if (flags.report !== undefined) {
      const { renderReport } = await import("../report/page.js");
      await writeReport(flags.report, renderReport(result));
      process.stderr.write(`Report written to ${flags.report}\n`);
    }
  }
}

/** Reports a file that cannot be written before the minutes of measuring, not after them. */
async function checkReport(file: string): Promise<void> {
  try {
    const facts = await stat(file).catch(() => undefined);
    if (facts?.isDirectory()) {
      throw new Error(`${file} is a folder`);
    }
    await access(facts === undefined ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw cannotWrite(error);
  }
}

async function writeReport(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    throw cannotWrite(error);
  }
}

function cannotWrite(error: unknown): CommandFailure {
  return new CommandFailure(`Cannot write the report: ${describeError(error)}`, { cause: error });
}
