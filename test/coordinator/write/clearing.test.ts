import { expect } from "chai";
import type { ScanRun } from "../../../coordinator/scan/merged-scan.js";
import { KeyClear } from "../../../coordinator/write/clearing.js";
import { FastKVError } from "../../../shared/errors.js";
import { maxClearBatchKeys } from "../../../shared/limits.js";
import { rejection } from "../../support/errors.js";

/** Gives so many names, as a run over them would. */
function runOf(count: number): ScanRun {
  let given = 0;
  const run = {
    take(_read: unknown, into: string[], wanted: number): boolean {
      for (let taken = 0; taken < wanted && given < count; taken++) {
        into.push(`key-${given}`);
        given += 1;
      }
      return given === count;
    },
    fill: async () => undefined,
    end: () => undefined,
  };
  return run as unknown as ScanRun;
}

describe("A clear that fails", () => {
  it("to read its keys has removed nothing", async () => {
    const damaged = new FastKVError("FASTKV_CORRUPTION", "a damaged block", { writeOutcome: "none" });
    const run = {
      take: () => false,
      fill: async () => {
        throw damaged;
      },
      end: () => undefined,
    };
    const clear = new KeyClear(run as unknown as ScanRun, async () => undefined);
    expect(await rejection(clear.run())).to.include({
      code: "FASTKV_CORRUPTION",
      message: "a damaged block",
      writeOutcome: "not-applied",
    });
  });

  for (const [what, batches, outcome] of [
    ["at once has removed nothing", 0, "not-applied"],
    ["after some batches says how many keys are gone", 1, "in-doubt"],
  ] as const) {
    it(what, async () => {
      let written = 0;
      const clear = new KeyClear(runOf(maxClearBatchKeys * 3), async (operations) => {
        if (written === batches) {
          throw new FastKVError("FASTKV_NO_SPACE", "no room", { writeOutcome: "not-applied" });
        }
        written += 1;
        expect([...operations]).to.have.length(maxClearBatchKeys);
      });
      const error = await rejection(clear.run());
      expect(error.code).to.equal("FASTKV_NO_SPACE");
      expect(error.writeOutcome).to.equal(outcome);
      expect(error.message).to.equal(
        batches === 0 ? "no room" : `The clear ended after ${maxClearBatchKeys} keys: no room`,
      );
    });
  }
});
