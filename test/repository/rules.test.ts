/** Rules about the sources that the compiler and the linter do not check. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/(^|[/\\])(node_modules|dist)[/\\]/.test(name))
    .map((name) => path.join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

/** The top-level folder that a relative import leads into. */
function target(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) {
    return undefined;
  }
  return path.join(path.dirname(file), specifier).split(path.sep)[0];
}

const mayImport: Record<string, readonly string[]> = {
  shared: ["shared"],
  shard: ["shared", "shard"],
  coordinator: ["shared", "coordinator"],
  benchmarks: ["coordinator", "benchmarks"],
};

/** These measure the parts of the store alone, and so have to import them. */
const microBenchmarks = path.join("benchmarks", "micro") + path.sep;
const mayBeMeasured = ["shared", "shard", "coordinator"];

describe("the sources", () => {
  for (const [folder, allowed] of Object.entries(mayImport)) {
    it(`of ${folder} import only ${allowed.join(" and ")}`, () => {
      for (const file of sources(folder)) {
        for (const specifier of importsOf(file)) {
          const into = target(file, specifier);
          const isAllowed =
            into === undefined ||
            allowed.includes(into) ||
            (file.startsWith(microBenchmarks) && mayBeMeasured.includes(into));
          expect(isAllowed, `${file} imports ${specifier}`).to.equal(true);
        }
      }
    });
  }

  it("of adapters import of FastKV the public API only", () => {
    const adapters = path.join("coordinator", "adapters");
    for (const file of sources(adapters)) {
      for (const specifier of importsOf(file).filter((name) => name.startsWith("."))) {
        const into = path.join(path.dirname(file), specifier);
        const isOwn = path.dirname(into).startsWith(adapters);
        expect(
          isOwn || into === path.join("coordinator", "index.js"),
          `${file} imports ${specifier}`,
        ).to.equal(true);
      }
    }
  });

  it("use node:fs in shared/storage only", () => {
    for (const folder of ["shared", "shard", "coordinator"]) {
      for (const file of sources(folder)) {
        const usesFiles = importsOf(file).some((name) => /^(node:)?fs(\/promises)?$/.test(name));
        expect(usesFiles && !file.startsWith(path.join("shared", "storage")), file).to.equal(false);
      }
    }
  });

  it("use node-ipc in one module", () => {
    const users = ["shared", "shard", "coordinator"]
      .flatMap(sources)
      .filter((file) => importsOf(file).includes("node-ipc"));
    expect(users).to.deep.equal([path.join("shared", "wire", "ipc.ts")]);
  });

  it("of a shard take time and randomness from outside", () => {
    // Outside: the process entry, what only measures, and a seed that nothing depends on which can be seen.
    const entries = ["shard/main.ts", "shard/loop-delay.ts", "shard/engine/memtable/key-hash.ts"].map(
      path.normalize,
    );
    for (const file of sources("shard").filter((name) => !entries.includes(name))) {
      const text = readFileSync(path.join(root, file), "utf8");
      const fromWithin =
        /Date\.now\(|Math\.random\(|new Date\(\)|performance\.now\(|random(Int|Bytes|UUID)\(/;
      expect(fromWithin.test(text), file).to.equal(false);
    }
  });

  it("have kebab-case names and no file for odds and ends", () => {
    for (const file of Object.keys(mayImport).flatMap(sources)) {
      const name = path.basename(file).replace(/(\.test|\.d)?\.ts$/, "");
      expect(name, file).to.match(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(name, file).to.not.match(/^(utils?|helpers?|misc|common)$/);
    }
  });

  it("leave nothing for later", () => {
    for (const file of Object.keys(mayImport).flatMap(sources)) {
      const text = readFileSync(path.join(root, file), "utf8");
      expect(/\b(TODO|FIXME|XXX|HACK)\b|@ts-ignore|@ts-nocheck/.test(text), file).to.equal(false);
    }
  });

  it("stand on pinned versions where the version is a promise", () => {
    const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    expect(devDependencies["node-ipc"]).to.equal("14.0.0");
  });
});
