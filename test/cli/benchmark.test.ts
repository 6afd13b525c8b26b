import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { Random, scattered, zipfian } from "fastkv-plugin-benchmark/random";
import { niceTicks } from "fastkv-plugin-benchmark/report/svg";
import type { BenchmarkResult } from "fastkv-plugin-benchmark/runner";
import { workloadNames } from "fastkv-plugin-benchmark/workload-names";
import { Workspace } from "./support/cli.js";
import { TestTerminal } from "./support/terminal.js";

describe("fastkv benchmark", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  it("runs every workload, prints a table and writes a report", async () => {
    await mkdir(workspace.path("scratch"));
    const { code, stdout, stderr } = await workspace.run(
      "benchmark --records 2000 --path scratch --report report.html".split(" "),
    );
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/workload +records\/s +time +p50 +p95 +p99 +p99.9 +max/);
    for (const name of workloadNames) {
      expect(stdout).to.match(new RegExp(`^${name} +[\\d,]+ +[\\d.]+ s( +[\\d.]+ [um]?s){5}$`, "m"));
    }
    expect(stdout).to.contain("2,000 records, values of 100 bytes");
    expect(await readdir(workspace.path("scratch")), "temporary databases").to.deep.equal([]);

    const page = await readFile(workspace.path("report.html"), "utf8");
    expect(page.match(/<svg /g)).to.have.length(workloadNames.length + 2);
    expect(page, "nothing from elsewhere").not.to.match(/(src|href)=|url\(|@import|https?:/);
    expect(page).not.to.contain("NaN");
  });

  it("runs the workloads that are named, each of them", async () => {
    const command = `benchmark --records 150 --path scratch --json --workload ${workloadNames.join(" ")}`;
    const { code, stdout, stderr } = await workspace.run(command.split(" "));
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    const { workloads } = JSON.parse(stdout) as BenchmarkResult;
    expect(workloads.map(({ name }) => name)).to.have.members([...workloadNames]);
    for (const { name, records, operations, latencies } of workloads) {
      expect(latencies, name).to.include.keys("p50Us", "p95Us", "p99Us", "p999Us");
      expect(records, name).to.equal(name === "mixed" ? operations : 150);
      expect(operations, name).to.be.within(1, 150);
    }
  });

  it("shows a bar for a workload at a terminal, and takes it away", async () => {
    const args = "benchmark --records 100000 --shards 1 --workload fillseq".split(" ");
    const terminal = new TestTerminal(workspace.folder, args);
    await terminal.shows(/^fillseq +[█░]+ \d+% \| .+ left$/m);
    expect(await terminal.exited).to.equal(0);
    await terminal.shows(/^fillseq +[\d,]+ +[\d.]+ s/m);
    expect(terminal.text(), "the table alone is left").not.to.match(/[█░]/);
    expect(terminal.raw.lastIndexOf("\x1b[?25h"), "the cursor is back").to.be.above(
      terminal.raw.lastIndexOf("\x1b[?25l"),
    );
  });

  it("stops on Ctrl-C, and removes its databases", async () => {
    const args = "benchmark --records 5000000 --path stopped --workload fillseq".split(" ");
    const terminal = new TestTerminal(workspace.folder, args);
    await terminal.shows(/^fillseq +[█░]+/m);
    terminal.type("\x03");
    // As `timeout` and `npm` do it: the process gets what its group gets as well.
    terminal.kill("SIGINT");
    expect(await terminal.exited).to.equal(130);
    expect(await readdir(workspace.folder), "a folder that was not there before").not.to.include("stopped");
  });

  it("says before it measures that the report or the databases cannot be written", async () => {
    await writeFile(workspace.path("file"), "");
    const [report, place] = await Promise.all([
      workspace.run("benchmark --report nowhere/report.html".split(" ")),
      workspace.run("benchmark --path file".split(" ")),
    ]);
    expect(report).to.deep.include({ code: 1, stdout: "" });
    expect(report.stderr).to.match(/^Error: Cannot write the report: [^\n]*nowhere[^\n]*\n$/);
    expect(place).to.deep.include({ code: 2, stdout: "" });
    expect(place.stderr).to.match(/^Error: Cannot make temporary databases in file: [^\n]*--path\n$/);
  });

  it("prints JSON for machines", async () => {
    const { code, stdout, stderr } = await workspace.run(
      "benchmark --records 500 --value-size 50 --workload readrandom batch --shards 1 --durability none --json".split(
        " ",
      ),
    );
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    const result = JSON.parse(stdout) as BenchmarkResult;
    expect(result.settings).to.include({ records: 500, valueSizeBytes: 50, shards: 1, durability: "none" });
    expect(result.machine.cores).to.be.above(0);
    expect(result.workloads.map((workload) => workload.name)).to.deep.equal(["batch", "readrandom"]);
    for (const { records, recordsPerSecond, latencies, samples } of result.workloads) {
      expect(records).to.equal(500);
      expect(recordsPerSecond).to.be.above(0);
      expect(latencies!.p50Us).to.be.at.most(latencies!.p95Us);
      expect(latencies!.p99Us).to.be.at.most(latencies!.p999Us);
      expect(samples.at(-1)!.operations).to.equal(500);
    }
  });

  it("knows its workloads", async () => {
    const { code, stderr } = await workspace.run(["benchmark", "--workload", "sorting"]);
    expect(code).to.equal(2);
    expect(stderr).to.contain("fillseq");
  });
});

describe("what benchmarks are made of", () => {
  it("visits every record once, in no order", () => {
    for (const count of [1, 2, 3, 10, 997, 1_000]) {
      const order = scattered(count);
      const seen = Array.from({ length: count }, (_, index) => order(index));
      expect(new Set(seen).size).to.equal(count);
      expect(Math.max(...seen)).to.equal(count - 1);
    }
  });

  it("draws few records most of the time", () => {
    const next = zipfian(new Random(1), 1_000);
    const counts = new Array<number>(1_000).fill(0);
    for (let index = 0; index < 20_000; index++) {
      counts[next()]!++;
    }
    expect(counts[0]! / 20_000).to.be.within(0.1, 0.17);
    expect(counts[0])
      .to.be.above(counts[1]!)
      .and.above(counts[500]! * 20);
  });

  it("draws the same numbers for the same seed", () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 10 }, () => random.below(1_000));
    };
    expect(draw(7)).to.deep.equal(draw(7)).and.not.to.deep.equal(draw(8));
  });

  it("puts round numbers on an axis", () => {
    expect(niceTicks(87)).to.deep.equal([0, 20, 40, 60, 80, 100]);
    expect(niceTicks(0.3)).to.have.length.above(2);
    expect(niceTicks(0)).to.have.length.above(0);
  });
});
