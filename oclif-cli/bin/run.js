#!/usr/bin/env node
import module from "node:module";

// Newer Nodes keep compiled code on disk. oclif's own check of Node's version repeats what npm does with "engines",
// and loads a package for it at each start.
module.enableCompileCache?.();
process.env.OCLIF_DISABLE_ENGINE_WARNING ??= "1";

const { main } = await import("../dist/main.js");
await main(process.argv.slice(2));
