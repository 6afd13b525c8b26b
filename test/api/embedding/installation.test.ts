/** Where the library may lie: in odd places, where nothing can be written, and inside of a bundle. */

import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { build } from "esbuild";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { libraryUrl, programText, repositoryRoot, runNode, runProgram } from "./support/programs.js";

const { dependencies } = JSON.parse(readFileSync(path.join(repositoryRoot, "package.json"), "utf8")) as {
  dependencies: Record<string, string>;
};

/** A copy of the package as npm would install it, in a folder of the program's. */
function install(place: string): string {
  const modules = path.join(place, "node_modules");
  const installed = path.join(modules, "fastkv");
  for (const folder of ["coordinator/bundle", "shard/bundle"]) {
    cpSync(path.join(repositoryRoot, "dist", folder), path.join(installed, "dist", folder), {
      recursive: true,
      filter: (source) => !source.endsWith(".map"),
    });
  }
  cpSync(path.join(repositoryRoot, "package.json"), path.join(installed, "package.json"));
  for (const name of Object.keys(dependencies)) {
    symlinkSync(path.join(repositoryRoot, "node_modules", name), path.join(modules, name));
  }
  return installed;
}

/** Every file and folder with its size and when it was changed. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => {
      const { size, mtimeMs } = statSync(path.join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}

function setModes(folder: string, fileMode: number, folderMode: number): void {
  chmodSync(folder, folderMode);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      setModes(place, fileMode, folderMode);
    } else {
      chmodSync(place, fileMode);
    }
  }
}

describe("The library in a program's folder", () => {
  const folder = useTemporaryFolder();

  it("works from paths with spaces, other alphabets and what means something in a URL", async () => {
    const place = path.join(folder(), "a place, größer 数据 #1 100% (50%25)");
    mkdirSync(path.join(place, "run time"), { recursive: true });
    install(place);
    const options = `{ runtimeFolder: ${JSON.stringify(path.join(place, "run time"))} }`;
    const { stdout, stderr } = await runProgram(place, programText("fastkv", options));
    expect(stderr).to.equal("");
    expect(stdout).to.include("read 100 of 100");
    expect(readdirSync(path.join(place, "db"))).to.include("FASTKV");
  });

  it("works where its own folder cannot be written to, and writes nothing there", async () => {
    const installed = install(folder());
    setModes(installed, 0o444, 0o555);
    try {
      const before = listing(installed);
      const { stdout, stderr } = await runProgram(folder(), programText("fastkv"));
      expect(stderr).to.equal("");
      expect(stdout).to.include("read 100 of 100");
      expect(listing(installed)).to.deep.equal(before);
    } finally {
      setModes(installed, 0o644, 0o755);
    }
  });

  it("works from a bundle that is told where its shards' module lies", async () => {
    const place = path.join(folder(), "bundle");
    const source = path.join(folder(), "application.mjs");
    const moved = `{ shardModule: new URL("./shard.js", import.meta.url) }`;
    writeFileSync(source, programText(libraryUrl, moved).replace(libraryUrl, "fastkv"));
    await build({
      entryPoints: { application: source, shard: "fastkv/shard", worker: "fastkv/worker" },
      outdir: place,
      absWorkingDir: repositoryRoot,
      nodePaths: [path.join(repositoryRoot, "node_modules")],
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "silent",
    });
    writeFileSync(path.join(place, "package.json"), '{ "type": "module" }');
    const { stdout, stderr } = await runNode(folder(), [path.join(place, "application.js")]);
    expect(stderr).to.equal("");
    expect(stdout).to.include("read 100 of 100");
  });

  it("takes the shards' module as the text of a URL, too", async () => {
    const installed = install(folder());
    const entry = path.join(folder(), "entry.mjs");
    const module = pathToFileURL(path.join(installed, "dist/shard/bundle/main.js")).href;
    writeFileSync(entry, `console.error("moved entry"); await import(${JSON.stringify(module)});`);
    const options = `{ shards: 1, shardModule: ${JSON.stringify(pathToFileURL(entry).href)} }`;
    const { stdout, stderr } = await runProgram(folder(), programText("fastkv", options));
    expect(stderr).to.equal("moved entry\n");
    expect(stdout).to.include("read 100 of 100");
  });
});
