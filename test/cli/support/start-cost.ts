/** What the start of a program costs: the modules that it loads, and the time of the processor. */

import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { cliEnvironment } from "./cli.js";

/**
 * Preloaded: prints what was loaded, ES modules as they come and CommonJS modules at the end. `_rawDebug` writes to
 * stderr past all streams.
 */
const traceModules = preload(
  `import module, { register } from "node:module";
   register("data:text/javascript," + encodeURIComponent(
     "export async function load(url, context, next) { process._rawDebug('module ' + url); return next(url, context); }"
   ));
   process.on("exit", () => Object.keys(module._cache).forEach((file) => process._rawDebug("module " + file)));`,
);

const traceProcessor = preload(
  `process.on("exit", () => {
     const { user, system } = process.cpuUsage();
     process._rawDebug("processor " + (user + system) / 1_000);
   });`,
);

function preload(code: string): string {
  return `--import data:text/javascript,${encodeURIComponent(code)}`;
}

export const moduleTraceEnvironment = { NODE_OPTIONS: traceModules };

/** The modules that a program which ran with `moduleTraceEnvironment` has loaded, from its stderr. */
export function loadedModules(stderr: string): string[] {
  const modules = [...stderr.matchAll(/^module (?:file:\/\/)?(\/.+)$/gm)].map((match) => match[1]!);
  return [...new Set(modules)].sort();
}

export interface StartCost {
  wallMs: number;
  /** Of all the threads of the process. Other programs' work hardly counts in it. */
  processorMs: number;
}

/** Runs Node with the arguments, to its end. */
export function measureStart(args: readonly string[], home: string): StartCost {
  const startedMs = performance.now();
  const script = `exec "$0" "$@" 2>&1 >/dev/null`;
  const traced = execFileSync("sh", ["-c", script, process.execPath, ...args], {
    env: cliEnvironment(home, { NODE_OPTIONS: traceProcessor }),
    encoding: "utf8",
  });
  const wallMs = performance.now() - startedMs;
  return { wallMs, processorMs: Number(/^processor (.+)$/m.exec(traced)![1]) };
}
