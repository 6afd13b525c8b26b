/**
 * Bundles the entries of a shard, its process, its background worker and its maintenance, into dist/shard/bundle: Node takes
 * more than a millisecond for each module of an import graph, and a shard has some sixty, at every start. Packages
 * stay outside. `metafile.json` names what went in, so that a test can tell a bundle that is older than its sources.
 *
 * `node bundle.js [folder]`: another folder than dist, with the same layout, may be bundled.
 */

import { writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const built = relative(root, resolve(process.argv[2] ?? join(root, "dist")));
const outdir = `${built}/shard/bundle`;

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    main: `${built}/shard/main.js`,
    worker: `${built}/shard/engine/jobs/worker.js`,
    maintenance: `${built}/shard/maintenance/main.js`,
  },
  outdir,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(root, outdir, "metafile.json"), `${JSON.stringify(metafile, null, 2)}\n`);
