import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { parseArguments, UsageError } from "./arguments.js";
import { groups } from "./groups/index.js";
import { plantedBugs } from "./planted/bugs.js";
import { plantedText } from "./planted/build.js";
import { seedOf } from "./runner.js";

const main = fileURLToPath(new URL("./main.js", import.meta.url));

function runMain(...given: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...given], { encoding: "utf8" });
}

describe("the torture suite", () => {
  it("has groups and planted bugs of different names", () => {
    for (const named of [groups, plantedBugs]) {
      const names = named.map(({ name }) => name);
      expect([...new Set(names)]).to.deep.equal(names);
    }
  });

  for (const plant of plantedBugs) {
    it(`can plant "${plant.name}", which a group of it is to find`, () => {
      expect(plantedText(plant)).to.include(plant.replacement);
      expect(plant.proofs).to.not.deep.equal([]);
      const names = groups.map(({ name }) => name);
      expect(names).to.include.members(plant.proofs.map(({ group }) => group));
    });
  }

  it("refuses to plant a bug whose place it does not find, or finds twice", () => {
    for (const text of ["nothing of the kind", "return"]) {
      expect(() => plantedText({ ...plantedBugs[0]!, text })).to.throw("stale");
    }
  });

  it("understands its arguments", () => {
    expect(parseArguments([])).to.deep.equal({
      seconds: 60,
      seed: undefined,
      groups: [],
      cases: Number.POSITIVE_INFINITY,
      part: { number: 1, of: 1 },
      plant: undefined,
    });
    const given = ["--seconds", "5", "--seed", "0", "--group", "a", "--group", "b", "--cases", "7"];
    expect(parseArguments([...given, "--part", "2/3", "--plant", "all"])).to.deep.equal({
      seconds: 5,
      seed: 0,
      groups: ["a", "b"],
      cases: 7,
      part: { number: 2, of: 3 },
      plant: "all",
    });
    const wrong = [
      ["--second", "1"],
      ["--seed", "-1"],
      ["--seed", "1.5"],
      ["--cases", "0"],
      ["--part", "0/2"],
      ["--part", "3/2"],
      ["--part", "2"],
      ["--part", "1/2/3"],
      ["--seconds"],
      ["x"],
    ];
    for (const args of wrong) {
      expect(() => parseArguments(args), args.join(" ")).to.throw(UsageError);
    }
  });

  it("gives each group a seed of its own, which follows from the run's", () => {
    const seeds = groups.map(({ name }) => seedOf(7, name));
    expect(new Set(seeds).size).to.equal(groups.length);
    expect(groups.map(({ name }) => seedOf(7, name))).to.deep.equal(seeds);
    expect(seedOf(8, groups[0]!.name)).to.not.equal(seeds[0]);
  });

  it("replays a run by its seed, and says what it did", () => {
    const given = ["--group", "power-cut", "--cases", "3", "--seed", "5"];
    const first = runMain(...given);
    expect(first.status, first.stdout).to.equal(0);
    const counted = /^seed 5\npower-cut: 3 cases \((.*)\) in/.exec(first.stdout)?.[1];
    expect(counted).to.be.a("string");
    expect(runMain(...given).stdout).to.include(counted!);
  });

  it("ends with 2 and its usage where it does not understand what is wanted", () => {
    for (const given of [["--group", "nobody"], ["--plant", "nobody"], ["--bogus"]]) {
      const { status, stderr } = runMain(...given);
      expect(status, given.join(" ")).to.equal(2);
      expect(stderr).to.include("usage: npm run test:torture");
    }
  });
});
