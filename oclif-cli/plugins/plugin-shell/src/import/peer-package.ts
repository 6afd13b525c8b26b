/**
 * Loads the package of another store. It is not a dependency of ours: users who need it install it in their working
 * folder, or next to this command.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describeError } from "fastkv-cli/kit/failure";
import { unusableSource } from "./source-failure.js";

/** @returns what the package exports @throws CommandFailure with exit code 2 and how to install the package */
export async function loadPeerPackage(name: string): Promise<Record<string, unknown>> {
  const file = resolvePackage(name);
  if (file === undefined) {
    throw unusableSource(
      `The package ${name} is needed for this and not installed. ${installationAdvice(name)}`,
    );
  }
  try {
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    return (exported.default ?? exported) as Record<string, unknown>;
  } catch (error) {
    throw unusableSource(
      `The package ${name} does not load: ${describeError(error)}. ${installationAdvice(name)}`,
      error,
    );
  }
}

/** The working folder comes first: a program's own version of the package matches its files best. */
function resolvePackage(name: string): string | undefined {
  for (const place of [pathToFileURL(join(process.cwd(), "package.json")).href, import.meta.url]) {
    try {
      return createRequire(place).resolve(name);
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
}

export function installationAdvice(name: string): string {
  return `Install it with: npm install ${name} (or npm install --global ${name}, beside a global fastkv-cli)`;
}
