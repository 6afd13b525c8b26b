/**
 * The packed tarballs of library and CLI, installed in an empty folder and used there. Not among the quick tests: npm
 * fetches the dependencies from the registry or its cache. Run it with `npm run test:packed`.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { cliEnvironment, cliFolder, Workspace } from "../support/cli.js";

const root = join(cliFolder, "..");
const timeoutMs = 240_000;

describe("the packed packages", function () {
  this.timeout(timeoutMs);
  let workspace: Workspace;
  let place: string;

  before(async () => {
    workspace = await Workspace.create();
    place = workspace.path("empty");
    const tarballs = workspace.path("tarballs");
    mkdirSync(place);
    mkdirSync(tarballs);
    for (const folder of [root, cliFolder, join(cliFolder, "example-plugin")]) {
      npm(["pack", "--pack-destination", tarballs], folder);
    }
    writeFileSync(join(place, "package.json"), "{}");
    const files = readdirSync(tarballs).filter((name) => !name.includes("example"));
    npm(
      [
        "install",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        ...files.map((name) => join(tarballs, name)),
      ],
      place,
    );
  });
  after(() => workspace.remove());

  function npm(args: readonly string[], cwd: string): string {
    return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  function fastkv(args: string, input = ""): string {
    return execFileSync(join(place, "node_modules/.bin/fastkv"), args.split(" "), {
      cwd: place,
      encoding: "utf8",
      input,
      env: cliEnvironment(workspace.folder),
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  it("give every command", () => {
    const help = fastkv("--help");
    for (const name of [
      "shell",
      "test",
      "benchmark",
      "get",
      "put",
      "delete",
      "scan",
      "stats",
      "bulk",
      "export",
      "import",
      "verify",
      "repair",
      "plugins",
      "autocomplete",
    ]) {
      expect(help).to.match(new RegExp(`^ {2}${name} `, "m"));
    }
  });

  it("work as a shell and as one-shot commands", () => {
    writeFileSync(join(place, "data.json"), '[["a", 1], ["b", {"c": 2}]]');
    const shell = fastkv("shell --path d", "bulk data.json\nshards\nget b\n");
    expect(shell).to.contain("Loaded 2 items\n").and.to.contain('{\n  "c": 2\n}\n');
    expect(fastkv("export --path d")).to.contain('{"key":"a","value":1,"encoding":"json"}');
    expect(fastkv("get a --path d")).to.equal("1\n");
    expect(fastkv("put k 2 --path one")).to.equal("OK\n");
    expect(fastkv("delete k --path one")).to.equal("OK\n");
    expect(fastkv("bulk - --path one", fastkv("export --path d"))).to.equal("Loaded 2 items\n");
    expect(fastkv("scan --path one")).to.equal('a: 1\nb: {"c": 2}\nTotal: 2 items\n');
    expect(JSON.parse(fastkv("stats --path one"))).to.have.property("shards");
    expect(fastkv("verify --path one")).to.match(/^Sound: /);
    expect(fastkv("repair --path one")).to.match(/Sound: /);
    expect(fastkv("autocomplete script bash")).to.contain("FASTKV_AC_BASH_SETUP_PATH");
  });

  it("import from another store once its package is there, and say how to install it before", async () => {
    const { ClassicLevel } = await import("classic-level");
    const source = workspace.path("level");
    const level = new ClassicLevel<string, string>(source);
    await level.put("a", "text");
    await level.close();
    const command = `import --from leveldb ${source} --encoding utf8 --path imported`;
    expect(() => fastkv(command))
      .to.throw(
        /The package classic-level is needed for this and not installed\. Install it with: npm install classic-level/,
      )
      .with.property("status", 2);
    // A link, as `npm link` makes it: the package's own dependencies are found where it really lies.
    symlinkSync(join(root, "node_modules/classic-level"), join(place, "node_modules/classic-level"));
    expect(fastkv(command)).to.match(/^Imported 1 entries: /);
    expect(fastkv("get a --path imported")).to.equal('"text"\n');
  });

  it("test and measure themselves", () => {
    expect(fastkv("test")).to.match(/All tests passed! ✅\n$/);
    expect(fastkv("benchmark --records 500 --workload readrandom --report r.html")).to.contain("readrandom");
  });

  it("take the plugin of somebody else from its tarball", () => {
    const tarballs = workspace.path("tarballs");
    const example = readdirSync(tarballs).find((name) => name.includes("example"))!;
    fastkv(`plugins install file:${join(tarballs, example)}`);
    expect(fastkv("largest --count 1 --path d")).to.equal('{"key":"b","characters":7}\n');
    fastkv("plugins uninstall fastkv-plugin-example");
    expect(fastkv("plugins")).not.to.contain("fastkv-plugin-example");
  });
});
