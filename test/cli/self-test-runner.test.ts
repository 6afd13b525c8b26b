import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runTests } from "fastkv-plugin-test/runner";

describe("the self-test's runner", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fastkv-runner-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** What is written to `stream` while `work` runs, without colours and times. */
  async function printed(stream: NodeJS.WriteStream, work: () => Promise<void>): Promise<string> {
    const pieces: string[] = [];
    const { write } = stream;
    stream.write = ((text: string) => pieces.push(text) > 0) as typeof write;
    try {
      await work();
    } finally {
      stream.write = write;
    }
    return (
      pieces
        .join("")
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken off
        .replace(/\x1b\[\d+m/g, "")
        .replace(/ \([\d.]+ m?s\)/g, "")
    );
  }

  it("says what was expected and what was seen, and goes on", async () => {
    let failed: number | undefined;
    const lines = await printed(process.stdout, async () => {
      failed = await runTests(
        [
          { name: "wrong", run: async () => assert.deepEqual({ a: 1 }, { a: 2 }) },
          { name: "broken", run: async () => Promise.reject(new TypeError("no \x1b[31m")) },
          { name: "right", run: async () => {} },
        ],
        folder,
        new AbortController().signal,
      );
    });
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

  it("gives no result of a test that was interrupted, and removes its folder", async () => {
    const interrupt = new AbortController();
    const stopped = new Error("stopped");
    const tests = [
      { name: "right", run: async () => {} },
      {
        name: "under way",
        run: async () => {
          interrupt.abort(stopped);
          throw new Error("the writer ended by itself with SIGINT");
        },
      },
      { name: "later", run: async () => {} },
    ];
    let results = "";
    const errors = await printed(process.stderr, async () => {
      results = await printed(process.stdout, async () => {
        await assert.rejects(runTests(tests, folder, interrupt.signal), stopped);
      });
    });
    expect(results).to.equal("✓ Test 1 passed: right\n");
    expect(errors).to.equal("Interrupted\n");
    expect(await readdir(folder)).to.deep.equal([]);
  });
});
