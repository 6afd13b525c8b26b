import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../..", import.meta.url));

interface Metafile {
  inputs: Record<string, unknown>;
  outputs: Record<string, { imports: { path: string; external?: boolean }[] }>;
}

function read(name: string): string {
  return readFileSync(path.join(root, name), "utf8");
}

for (const [folder, essential] of [
  ["dist/shard/bundle", "dist/shard/engine/engine.js"],
  ["dist/coordinator/bundle", "dist/coordinator/fastkv.js"],
] as const) {
  describe(`the bundle in ${folder}`, () => {
    const metafile = JSON.parse(read(`${folder}/metafile.json`)) as Metafile;
    const inputs = Object.keys(metafile.inputs);

    it("is not older than what went in: else the tests would run yesterday's modules (npm run bundle)", () => {
      const bundledMs = statSync(path.join(root, folder, "metafile.json")).mtimeMs;
      const newer = inputs.filter((input) => statSync(path.join(root, input)).mtimeMs > bundledMs);
      expect(newer).to.deep.equal([]);
      expect(inputs).to.include(essential);
    });

    it("needs no package that the library does not depend on", () => {
      const { dependencies, peerDependencies } = JSON.parse(read("package.json")) as Record<
        "dependencies" | "peerDependencies",
        Record<string, string>
      >;
      const packages = Object.values(metafile.outputs)
        .flatMap((output) => output.imports)
        .filter((imported) => imported.external === true)
        .map((imported) => imported.path)
        .filter((name) => !name.startsWith("node:"));
      expect(packages).to.include("msgpackr");
      for (const name of packages) {
        expect({ ...dependencies, ...peerDependencies }).to.have.property(name);
      }
    });

    it("contains of other people's packages what was read, with their licences, and nothing else", () => {
      const contained = inputs.map((input) => /^node_modules\/([^/]+)\//.exec(input)?.[1]);
      const names = [...new Set(contained.filter((name) => name !== undefined))].sort();
      expect(names).to.deep.equal(["event-pubsub", "node-ipc", "strong-type"]);
      const licences = read(`${folder}/THIRD-PARTY-LICENSES.txt`);
      const versions = { "event-pubsub": "6.1.1", "node-ipc": "14.0.0", "strong-type": "2.0.0" };
      for (const [name, version] of Object.entries(versions)) {
        expect(licences).to.match(new RegExp(`^${name} ${version.replaceAll(".", "\\.")}$`, "m"));
      }
      expect(licences.match(/MIT License/gi)).to.have.length.of.at.least(names.length);
    });
  });
}
