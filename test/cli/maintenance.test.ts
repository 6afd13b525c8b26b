import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { filesMatching, flipByte } from "../support/damage.js";
import { Workspace } from "./support/cli.js";

describe("the commands verify and repair", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  const run = (line: string, input?: string) =>
    workspace.run(line.split(" "), input === undefined ? {} : { input });

  async function fill(name: string): Promise<string> {
    const lines = Array.from({ length: 2_000 }, (_, index) =>
      JSON.stringify([`key\u0007${index}`, "x".repeat(40)]),
    );
    expect((await run(`bulk - --path ${name}`, lines.join("\n"))).code).to.equal(0);
    return workspace.path(name);
  }

  it("say that a sound database is, and change nothing", async () => {
    await fill("sound");
    const verified = await run("verify --path sound");
    expect(verified.code).to.equal(0);
    expect(verified.stdout).to.match(/^Sound: 2 shards, 2 tables with 2000 entries, \d+ WAL records/);
    const repaired = await run("repair --path sound");
    expect(repaired).to.deep.include({ code: 0, stderr: "" });
    expect(repaired.stdout).to.match(/^Nothing to repair\nSound: /);
    expect(filesMatching(workspace.path("sound"), /lost/)).to.deep.equal([]);
  });

  it("print what is wrong, escaped, with exit code 1, mend it, and keep what was replaced", async () => {
    const folder = await fill("damaged");
    const [table] = filesMatching(folder, /shard-000.*sst$/) as [string];
    flipByte(join(folder, table), 9_000);
    const verified = await run("verify --path damaged");
    expect(verified.code).to.equal(1);
    const [line, summary, wayOut] = verified.stdout.split("\n");
    expect(line).to.match(
      /^shard-000\/\d+\.sst, offset \d+: wrong checksum of a block \(keys "key\\u0007\d+" to "key\\u0007\d+"\)$/,
    );
    expect(summary).to.match(/^Damaged: 1 finding in 2 shards/);
    expect(wayOut).to.contain("fastkv repair");
    const json = JSON.parse((await run("verify --path damaged --json")).stdout) as {
      isSound: boolean;
      findings: { file: string; severity: string }[];
    };
    expect(json.isSound).to.equal(false);
    expect(json.findings).to.have.length(1);
    expect(json.findings[0]).to.deep.include({ file: table, severity: "damage" });

    const repaired = await run("repair --path damaged");
    expect(repaired.code).to.equal(0);
    expect(repaired.stdout).to.match(
      /^Lost: shard-000\/\d+\.sst, offset \d+: entries are lost: .*\nRepaired: 1 /,
    );
    expect(repaired.stdout).to.match(/Kept: 1 replaced file in .*lost-\d{10}\nSound: /);
    expect(filesMatching(folder, /^lost-\d{10}.*sst$/)).to.have.length(1);
    expect((await run("verify --path damaged")).code).to.equal(0);
    const scanned = await run("scan --keys --path damaged");
    expect(scanned.stdout.split("\n").length).to.be.within(1_800, 1_999);
  });

  it("give the report of a repair as JSON", async () => {
    const folder = await fill("json");
    await rm(join(folder, "shard-001", "CURRENT"));
    const { code, stdout } = await run("repair --path json --json");
    const report = JSON.parse(stdout) as {
      wasDamaged: boolean;
      losses: unknown[];
      after: { isSound: boolean };
    };
    expect(code).to.equal(0);
    expect(report).to.deep.include({ wasDamaged: true, losses: [] });
    expect(report.after.isSound).to.equal(true);
  });

  it("say with exit code 2 that a database cannot be examined", async () => {
    for (const command of ["verify", "repair"]) {
      const missing = await run(`${command} --path none`);
      expect(missing).to.deep.include({ code: 2, stdout: "" });
      expect(missing.stderr).to.match(/^Error: There is no database in .*none/);
      expect((await run(`${command} --path ${workspace.folder}`)).code, "a folder of other files").to.equal(
        2,
      );
      expect((await run(command)).code, "no path").to.equal(2);
    }
  });
});
