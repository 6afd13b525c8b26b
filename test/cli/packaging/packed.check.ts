/**
 * The packed tarballs of library and CLI, installed in an empty folder and used there. Not among the quick tests: npm
 * fetches the dependencies from the registry or its cache. Run it with `npm run test:packed`.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
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
      "bulk",
      "export",
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
