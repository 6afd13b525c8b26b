/** Runs the tests one after the other, each in an empty folder, and prints one line per test. */

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

/**
 * @returns the number of failed tests @throws the signal's reason once it is aborted and the running test has ended,
 * whose result is then meaningless
 */
export async function runTests(
  tests: readonly SelfTest[],
  parent: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  return withScratchFolder(parent, "fastkv-test-", async (folder) => {
    let failed = 0;
    for (const [index, test] of tests.entries()) {
      const result = await runTest(test, join(folder, String(index + 1)));
      if (signal.aborted) {
        process.stderr.write(`${paint(process.stderr, "yellow", "Interrupted")}\n`);
        throw signal.reason;
      }
      printResult(test, index + 1, result);
      failed += result.hasFailed ? 1 : 0;
    }
    return failed;
  });
}

interface TestResult {
  elapsedMs: number;
  hasFailed: boolean;
  /** The error thrown by a failed test. */
  error?: unknown;
}

async function runTest(test: SelfTest, folder: string): Promise<TestResult> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  await mkdir(folder);
  try {
    await test.run(folder);
    return { elapsedMs: elapsedMs(), hasFailed: false };
  } catch (error) {
    return { elapsedMs: elapsedMs(), hasFailed: true, error };
  }
}

function printResult({ name }: SelfTest, number: number, { elapsedMs, hasFailed, error }: TestResult): void {
  const time = paint(process.stdout, "dim", `(${formatDurationMs(elapsedMs)})`);
  const mark = hasFailed ? paint(process.stdout, "red", "✗") : paint(process.stdout, "green", "✓");
  process.stdout.write(`${mark} Test ${number} ${hasFailed ? "failed" : "passed"}: ${name} ${time}\n`);
  if (hasFailed) {
    for (const line of explain(error)) {
      process.stdout.write(`    ${escapeControls(line)}\n`);
    }
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
