/** Runs the tests one after the other, each in an empty folder, and prints a line for each. */

import { AssertionError } from "node:assert";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { inspect } from "node:util";
import { formatDurationMs } from "fastkv-cli/kit/duration";
import { escapeControls } from "fastkv-cli/kit/escape";
import { withScratchFolder } from "fastkv-cli/kit/scratch-folder";
import { paint } from "fastkv-cli/kit/style";
import type { SelfTest } from "./self-test.js";

/** @returns the number of failed tests */
export async function runTests(
  tests: readonly SelfTest[],
  parent: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  return withScratchFolder(parent, "fastkv-test-", async (folder) => {
    let failed = 0;
    for (const [index, test] of tests.entries()) {
      signal.throwIfAborted();
      failed += (await runTest(test, index + 1, join(folder, String(index + 1)))) ? 0 : 1;
    }
    return failed;
  });
}

async function runTest(test: SelfTest, number: number, folder: string): Promise<boolean> {
  const startedMs = performance.now();
  await mkdir(folder);
  try {
    await test.run(folder);
    const time = paint(process.stdout, "dim", `(${formatDurationMs(performance.now() - startedMs)})`);
    process.stdout.write(
      `${paint(process.stdout, "green", "✓")} Test ${number} passed: ${test.name} ${time}\n`,
    );
    return true;
  } catch (error) {
    const time = paint(process.stdout, "dim", `(${formatDurationMs(performance.now() - startedMs)})`);
    process.stdout.write(
      `${paint(process.stdout, "red", "✗")} Test ${number} failed: ${test.name} ${time}\n`,
    );
    for (const line of explain(error)) {
      process.stdout.write(`    ${escapeControls(line)}\n`);
    }
    return false;
  }
}

function explain(error: unknown): string[] {
  const lines: string[] = [];
  if (error instanceof AssertionError) {
    lines.push(error.generatedMessage ? "a result is not as it should be" : error.message.split("\n")[0]!);
    lines.push(`expected: ${short(error.expected)}`, `seen:     ${short(error.actual)}`);
  } else {
    lines.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
  if (process.env.DEBUG && error instanceof Error && error.stack) {
    lines.push(...error.stack.split("\n"));
  }
  return lines;
}

function short(value: unknown): string {
  return inspect(value, {
    depth: 4,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: 20,
    maxStringLength: 200,
  });
}
