import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = path.join(root, "dist/shard/bundle");

interface Metafile {
  inputs: Record<string, unknown>;
  outputs: Record<string, { imports: { path: string; external?: boolean }[] }>;
}

describe("the bundle of a shard's modules", () => {
  const metafile = JSON.parse(readFileSync(path.join(folder, "metafile.json"), "utf8")) as Metafile;

  it("is not older than what went in: else the tests would run yesterday's shard (npm run bundle)", () => {
    const bundledMs = statSync(path.join(folder, "metafile.json")).mtimeMs;
    const newer = Object.keys(metafile.inputs).filter(
      (input) => statSync(path.join(root, input)).mtimeMs > bundledMs,
    );
    expect(newer).to.deep.equal([]);
    expect(Object.keys(metafile.inputs)).to.include("dist/shard/engine/engine.js");
  });

  it("needs no package that the library does not depend on", () => {
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(path.join(root, "package.json"), "utf8"),
    ) as Record<"dependencies" | "peerDependencies", Record<string, string>>;
    const packages = Object.values(metafile.outputs)
      .flatMap((output) => output.imports)
      .map((imported) => imported.path)
      .filter((name) => !name.startsWith("node:"));
    expect(packages).to.include("node-ipc");
    for (const name of packages) {
      expect({ ...dependencies, ...peerDependencies }).to.have.property(name);
    }
  });
});
