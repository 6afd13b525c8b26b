import { expect } from "chai";
import {
  corruption,
  errorCodes,
  FastKVError,
  type FastKVErrorCode,
  fromErrorReport,
  invariant,
  toErrorReport,
} from "../../shared/errors.js";
import { caught } from "../support/errors.js";

describe("shared: errors", () => {
  it("carry a code, a message, a cause and what became of the write", () => {
    const cause = new Error("below");
    const error = new FastKVError("FASTKV_IO", "broken", { cause, writeOutcome: "in-doubt" });
    expect(error).to.be.instanceOf(Error);
    expect(error.name).to.equal("FastKVError");
    expect([error.code, error.message, error.cause, error.writeOutcome]).to.deep.equal([
      "FASTKV_IO",
      "broken",
      cause,
      "in-doubt",
    ]);
    const plain = new FastKVError("FASTKV_CLOSED", "closed");
    expect("cause" in plain).to.equal(false);
    expect(plain.writeOutcome).to.equal("none");
  });

  it("cross a process boundary, each with its code", () => {
    for (const code of Object.keys(errorCodes) as FastKVErrorCode[]) {
      const error = new FastKVError(code, `about ${code}`, {
        writeOutcome: "not-applied",
        cause: new Error("x"),
      });
      const received = fromErrorReport(JSON.parse(JSON.stringify(toErrorReport(error))));
      expect([received.code, received.message, received.writeOutcome]).to.deep.equal([
        code,
        `about ${code}`,
        "not-applied",
      ]);
    }
  });

  it("report what is no FastKVError as a bug, with the write in doubt", () => {
    for (const thrown of [new TypeError("oops"), "oops", undefined, { message: "oops" }]) {
      const report = toErrorReport(thrown);
      expect([report.code, report.writeOutcome]).to.deep.equal(["FASTKV_INTERNAL", "in-doubt"]);
      expect(report.message).to.be.a("string");
    }
    expect(toErrorReport(new TypeError("oops")).message)
      .to.contain("oops")
      .and.to.contain("errors.test");
  });

  it("take an unknown code of another version for an internal error", () => {
    const report = {
      code: "FASTKV_FROM_THE_FUTURE" as FastKVErrorCode,
      message: "m",
      writeOutcome: "none",
    } as const;
    expect(fromErrorReport(report).code).to.equal("FASTKV_INTERNAL");
  });

  it("take no code from the prototype of objects", () => {
    const report = { code: "toString" as FastKVErrorCode, message: "m", writeOutcome: "none" } as const;
    expect(fromErrorReport(report).code).to.equal("FASTKV_INTERNAL");
  });

  it("name the file and the place of damage", () => {
    const cause = new Error("below");
    const error = corruption("/db/a.wal", 12, "wrong checksum", cause);
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expect(error.message).to.contain("/db/a.wal at offset 12").and.to.contain("wrong checksum");
    expect(error.cause).to.equal(cause);
    expect(corruption("/db/a.wal", undefined, "missing").message).to.not.contain("offset");
  });

  it("say that a broken invariant is a bug", () => {
    invariant(1, "holds");
    expect(caught(() => invariant(0, "does not hold")).code).to.equal("FASTKV_INTERNAL");
  });
});
