/**
 * The packed tarball of the library, installed alone in an empty folder: what comes with it, and that it works, with
 * and without the native parts that are optional. Among `npm run test:packed`, since npm fetches the dependencies.
 */

import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { cliFolder, Workspace } from "../support/cli.js";

const root = join(cliFolder, "..");
const timeoutMs = 240_000;

const maxPackages = 9;
const maxOwnBytes = 2_000_000;
const maxInstalledBytes = 6_000_000;

const program = `
  import { createRequire } from "node:module";
  import { FastKV } from "fastkv";
  const db = await FastKV.open("./db");
  await db.put("a", { is: "here" });
  await db.batch([{ type: "put", key: "b", value: new Map([[1, 2n]]), encoding: "structured" }]);
  await db.put("c", [1, 2], { encoding: "msgpack" });
  await db.bulkLoad([["d", 4]]);
  console.log(await db.scan().toArray());
  await db.close();
  console.log(createRequire(import.meta.url)("fastkv").FastKV === FastKV);
`;
const printed = `[
  [ 'a', { is: 'here' } ],
  [ 'b', Map(1) { 1 => 2n } ],
  [ 'c', [ 1, 2 ] ],
  [ 'd', 4 ]
]
true
`;

interface InstalledFile {
  name: string;
  bytes: number;
}

describe("the packed library, alone in an empty folder", function () {
  this.timeout(timeoutMs);
  let workspace: Workspace;
  let tarball: string;
  let place: string;
  before(async () => {
    workspace = await Workspace.create();
    npm(["pack", "--pack-destination", workspace.folder], root);
    tarball = workspace.path(readdirSync(workspace.folder).find((name) => name.endsWith(".tgz"))!);
    place = install("alone");
  });
  after(() => workspace.remove());

  function npm(args: readonly string[], cwd: string): string {
    return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  function install(name: string, ...options: string[]): string {
    const place = workspace.path(name);
    mkdirSync(place);
    writeFileSync(join(place, "package.json"), "{}");
    npm(["install", "--prefer-offline", "--no-audit", "--no-fund", ...options, tarball], place);
    return place;
  }

  function filesIn(folder: string): InstalledFile[] {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => ({ name, facts: lstatSync(join(folder, name)) }))
      .filter(({ facts }) => facts.isFile())
      .map(({ name, facts }) => ({ name, bytes: facts.size }));
  }

  function total(files: readonly InstalledFile[]): number {
    return files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  function packagesIn(place: string): string[] {
    const { packages } = JSON.parse(readFileSync(join(place, "node_modules/.package-lock.json"), "utf8")) as {
      packages: Record<string, unknown>;
    };
    return Object.keys(packages);
  }

  function runProgram(place: string): string {
    writeFileSync(join(place, "program.mjs"), program);
    return execFileSync(process.execPath, ["program.mjs"], { cwd: place, encoding: "utf8" });
  }

  it("is small, has no known vulnerabilities, and works", () => {
    expect(packagesIn(place)).to.have.length.within(1, maxPackages);
    const files = filesIn(join(place, "node_modules"));
    expect(total(filesIn(join(place, "node_modules/fastkv"))), "its own").to.be.at.most(maxOwnBytes);
    expect(total(files), "all").to.be.at.most(maxInstalledBytes);
    execFileSync(process.execPath, [join(root, ".ci/audit.mjs")], { cwd: place, stdio: "pipe" });
    expect(runProgram(place)).to.equal(printed);
  });

  it("works without any native part, and no package runs a script to be installed", () => {
    const bare = install("bare", "--omit=optional", "--ignore-scripts");
    const native = filesIn(join(bare, "node_modules")).filter(({ name }) => name.endsWith(".node"));
    expect(native).to.deep.equal([]);
    expect(runProgram(bare)).to.equal(printed);
  });

  it("has what was built from the sources that are there, and nothing older", () => {
    const strangers = filesIn(join(place, "node_modules/fastkv/dist"))
      .map(({ name }) => name)
      .filter((name) => !/^(shard|coordinator)\/bundle\//.test(name))
      .filter((name) => !existsSync(join(root, name.replace(/(\.d\.ts|\.js)$/, ".ts"))));
    expect(strangers, "remove dist and build again").to.deep.equal([]);
  });
});
