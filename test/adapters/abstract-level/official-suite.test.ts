/**
 * The complete test suite that comes with abstract-level, as it is. Each of its tests is performed by tape, which it
 * is written for, and is a test of its own here. It runs twice, on a database and on a sublevel, and decides from the
 * manifest what to test; the manifest is compared below, so that nothing is left out by being declared away.
 *
 * It opens a thousand databases. Here their shards are in this process, on a simulated disk; with
 * FASTKV_TEST_PROCESSES=1 they are processes of their own, on the real one.
 */

import path from "node:path";
import suite from "abstract-level/test/index.js";
import { expect } from "chai";
import tape from "tape";
import { FastKVLevel } from "../../../coordinator/adapters/abstract-level/index.js";
import { type OpenOptions, resolveOptions } from "../../../coordinator/calls/options.js";
import { FastKV } from "../../../coordinator/fastkv.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";

class InProcessLevel extends FastKVLevel {
  readonly #disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/data"] });

  override _openStore(_location: string, options: OpenOptions): Promise<FastKV> {
    return FastKV.openIn("/data/store", resolveOptions(options), {
      fileSystem: this.#disk,
      startLauncher: async () => new InProcessLauncher(this.#disk),
    });
  }
}

/** What is used of a database here; the types of two classes of databases do not fit each other. */
type Opened = Pick<FastKVLevel, "supports" | "close" | "store">;

const Level: new (location: string, options: object) => Opened =
  process.env.FASTKV_TEST_PROCESSES === "1" ? FastKVLevel : InProcessLevel;

/** How many tests version 3.1.1 has, and how many assertions they make. */
const expected = { tests: 1479, assertions: 4706 };

interface Assertion {
  type: "assert";
  ok: boolean;
  name: string;
  error?: Error;
  operator: string;
  expected: unknown;
  actual: unknown;
  skip?: unknown;
  todo?: unknown;
}

/** Performs one test in a tape of its own; every assertion that it made. */
function perform(name: string, run: tape.TestCase): Promise<Assertion[]> {
  return new Promise((resolve, reject) => {
    const harness = tape.createHarness();
    const assertions: Assertion[] = [];
    const rows = harness.createStream({ objectMode: true });
    rows.on("data", (row: Assertion | { type: "test" | "end" }) => {
      if (row.type === "assert") {
        assertions.push(row);
      }
    });
    rows.on("end", () => resolve(assertions));
    rows.on("error", reject);
    harness(name, run);
  });
}

describe("The official suite of abstract-level", () => {
  const opened: Opened[] = [];
  let root: string | undefined;
  let isRegistering = true;
  let registered = 0;
  let asserted = 0;

  function open(options: object = {}): Opened {
    root ??= makeTemporaryFolder();
    const db = new Level(path.join(root, String(opened.length)), options);
    opened.push(db);
    if (isRegistering) {
      // Asked for its manifest alone, before any test runs.
      db.close().catch((error: unknown) => {
        throw error;
      });
    }
    return db;
  }

  function test(name: string, run: tape.TestCase): void {
    registered += 1;
    it(name, async () => {
      const assertions = await perform(name, run);
      asserted += assertions.length;
      for (const { ok, name: what, operator, expected, actual, error, skip, todo } of assertions) {
        expect(Boolean(skip) || Boolean(todo), `${what}: left out`).to.equal(false);
        if (!ok) {
          throw Object.assign(new Error(`${operator}: ${what}`, { cause: error }), {
            expected,
            actual,
            showDiff: true,
          });
        }
      }
    });
  }

  suite({ test, factory: open });
  isRegistering = false;

  it("was performed whole", () => {
    expect({ tests: registered, assertions: asserted }).to.deep.equal(expected);
  });

  it("found a manifest that promises all that the suite asks about, but for getSync", () => {
    const { supports } = opened[0]!;
    expect(supports).to.deep.include({
      seek: true,
      has: true,
      createIfMissing: true,
      errorIfExists: true,
      implicitSnapshots: true,
      explicitSnapshots: true,
      permanence: true,
      deferredOpen: true,
      signals: { iterators: true },
    });
    expect(supports.encodings).to.include({ utf8: true, buffer: true, view: true, json: true });
    expect("getSync" in supports).to.equal(false);
  });

  after("close what the suite leaves open", async () => {
    await Promise.all(opened.map((db) => db.store?.close()));
    if (root !== undefined) {
      removeTemporaryFolder(root);
    }
  });
});
