/** The programs in `examples/`: each is run as a person would, and what it prints is compared. */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { FastKV } from "../../coordinator/index.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const programs = readdirSync(path.join(root, "examples")).filter((name) => name.endsWith(".js"));
const execute = promisify(execFile);

describe("The examples", () => {
  const folder = useTemporaryFolder();

  /** The lines that a program prints; its database is in the test's folder. */
  async function run(program: string, ...args: string[]): Promise<string[]> {
    const file = path.join(root, "examples", program);
    const { stdout, stderr } = await execute(process.execPath, [file, path.join(folder(), "db"), ...args]);
    expect(stderr).to.equal("");
    return stdout.trimEnd().split("\n");
  }

  /** Whether the first line stands before the second. */
  function isBefore(lines: readonly string[], first: string, second: string): boolean {
    return lines.includes(first) && lines.indexOf(first) < lines.indexOf(second);
  }

  it("are all in the README and all run here", () => {
    const readme = readFileSync(path.join(root, "README.md"), "utf8");
    const here = readFileSync(path.join(root, "test/examples/programs.test.ts"), "utf8");
    expect(programs).to.have.lengthOf(5);
    for (const program of programs) {
      expect(readme).to.include(`](examples/${program})`);
      expect(here).to.include(`run("${program}"`);
    }
  });

  it("have a job queue that works in time order, tries again and recovers", async () => {
    const db = await FastKV.open(path.join(folder(), "db"));
    await db.put("running:lost", { id: "lost", kind: "image", tries: 1 });
    await db.close();
    const lines = await run("job-queue.js");
    expect(lines[0]).to.equal("recovered 1");
    expect(lines.at(-1)).to.equal("left 0");
    expect(isBefore(lines, "done lost, try 2", "done thumbnail, try 1")).to.equal(true);
    const failed = "failed mail, try 1: the mail server is busy";
    expect(isBefore(lines, failed, "done thumbnail, try 1")).to.equal(true);
    expect(isBefore(lines, "done thumbnail, try 1", "done mail, try 2")).to.equal(true);
    expect(isBefore(lines, "done thumbnail, try 1", "done clean-up, try 1")).to.equal(true);
    expect(lines).to.have.lengthOf(7);
  });

  it("have a time series that is read by ranges", async () => {
    expect(await run("time-series.js")).to.deep.equal([
      "loaded 4320 measurements",
      "kitchen at noon: 60 measurements, mean 14.94",
      "cellar at its warmest: 5.00",
      "latest cellar/2026-01-01T23:59:00.000Z: -5.00",
      "latest kitchen/2026-01-01T23:59:00.000Z: 5.00",
      "latest roof/2026-01-02T00:00:00.000Z: 14.50",
      "cellar after the clean-up: 720",
    ]);
  });

  it("have sessions that are read from the cache and outlive a restart", async () => {
    expect(await run("session-store.js")).to.deep.equal([
      "alice: visits: 1",
      "bob: visits: 1",
      "alice: visits: 2",
      "alice looks: visits: 2",
      "alice looks: visits: 2",
      "alice looks: visits: 2",
      "2 sessions, 6 hot reads",
      "alice after the restart: visits: 3",
      "2 sessions, 0 hot reads",
    ]);
  });

  it("have an index that finds places by their words", async () => {
    const lines = await run("full-text-index.js");
    expect(lines[0]).to.equal("indexed 171075 places in 418809 keys");
    expect(lines[1]).to.match(/^zurich: 51 places: Zürich \(CH\), /);
    expect(lines[2]).to.match(/^new york: 5 places: .*New York City \(US\)/);
    expect(lines[3]).to.match(/^san fran\*: 175 places: /);
    expect(await run("full-text-index.js", "aux", "sauveur*", "st")).to.deep.equal([
      "aux sauveur* st: 0 places:",
    ]);
  });

  it("have counters that are in step with the changes, also in a second run", async () => {
    const counted = (pages: string, all: number): string =>
      `after: ${all} changes, ${all} by page, ${all} recorded: ${pages}`;
    expect(await run("change-counter.js")).to.deep.equal([
      "before: 0 changes",
      "during: in step true",
      counted("Home 10, News 20", 30),
      "by Ada 15, by Grace 15",
    ]);
    expect(await run("change-counter.js")).to.include.members([
      "before: 30 changes",
      counted("Home 20, News 40", 60),
    ]);
  });
});
