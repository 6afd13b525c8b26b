import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runTests } from "fastkv-plugin-test/runner";

describe("the self-test's runner", () => {
  it("says what was expected and what was seen, and goes on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fastkv-runner-"));
    const printed: string[] = [];
    const { write } = process.stdout;
    process.stdout.write = ((text: string) => printed.push(text) > 0) as typeof write;
    let failed: number;
    try {
      failed = await runTests(
        [
          { name: "wrong", run: async () => assert.deepEqual({ a: 1 }, { a: 2 }) },
          { name: "broken", run: async () => Promise.reject(new TypeError("no \x1b[31m")) },
          { name: "right", run: async () => {} },
        ],
        folder,
        new AbortController().signal,
      );
    } finally {
      process.stdout.write = write;
      await rm(folder, { recursive: true });
    }
    const lines = printed
      .join("")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken off
      .replace(/\x1b\[\d+m/g, "")
      .replace(/ \([\d.]+ m?s\)/g, "");
    expect(failed).to.equal(2);
    expect(lines.split("\n")).to.deep.equal([
      "✗ Test 1 failed: wrong",
      "    a result is not as it should be",
      "    expected: { a: 2 }",
      "    seen:     { a: 1 }",
      "✗ Test 2 failed: broken",
      "    TypeError: no \\u001b[31m",
      "✓ Test 3 passed: right",
      "",
    ]);
  });
});
