/**
 * Bundles what is published, since Node takes more than a millisecond for each module of an import graph:
 *
 * - dist/shard/bundle: the entries of a shard, its process, its background worker and its maintenance, one file each;
 * - dist/coordinator/bundle: the entries of the library, with what they share in a chunk.
 *
 * The packages that package.json names as dependencies stay outside. node-ipc goes in, the version that was read and no
 * other (docs/dependencies.md); its licences stand in THIRD-PARTY-LICENSES.txt beside the bundle. `metafile.json` names
 * what went in, so that a test can tell a bundle that is older than its sources.
 *
 * `node bundle.js [folder]`: another folder than dist, with the same layout, may be bundled.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const built = relative(root, resolve(process.argv[2] ?? join(root, "dist")));
const { dependencies, peerDependencies } = readPackage(root);

await bundle("shard", {
  main: `${built}/shard/main.js`,
  worker: `${built}/shard/engine/jobs/worker.js`,
  maintenance: `${built}/shard/maintenance/main.js`,
});
await bundle(
  "coordinator",
  {
    index: `${built}/coordinator/index.js`,
    "abstract-level": `${built}/coordinator/adapters/abstract-level/index.js`,
    keyv: `${built}/coordinator/adapters/keyv/keyv-fastkv.js`,
  },
  { splitting: true },
);

async function bundle(part, entryPoints, options) {
  const outdir = join(built, part, "bundle");
  rmSync(join(root, outdir), { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    external: Object.keys({ ...dependencies, ...peerDependencies }),
    platform: "node",
    format: "esm",
    target: "node20.19",
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: "warning",
    ...options,
  });
  writeFileSync(join(root, outdir, "metafile.json"), `${JSON.stringify(metafile, null, 2)}\n`);
  writeFileSync(join(root, outdir, "THIRD-PARTY-LICENSES.txt"), licences(metafile));
}

/** The licence of each package of which a file went into the bundle. */
function licences(metafile) {
  const inputs = Object.keys(metafile.inputs).map(
    (input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1],
  );
  const names = [...new Set(inputs.filter((name) => name !== undefined))].sort();
  return names
    .map((name) => {
      const folder = join(root, "node_modules", name);
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined) {
        throw new Error(`The package ${name} has no licence that could go with the bundle`);
      }
      const { version } = readPackage(folder);
      return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

function readPackage(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
