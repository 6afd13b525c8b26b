import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import { formatDurationMs, parseDurationMs } from "fastkv-cli/kit/duration";
import { CommandFailure, describeError, Interrupted } from "fastkv-cli/kit/failure";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { nearestName } from "fastkv-cli/kit/nearest";
import { LineWriter, OutputClosed } from "fastkv-cli/kit/output";
import { renderTable } from "fastkv-cli/kit/table";
import { wrapText } from "fastkv-cli/kit/wrap-text";
import { History, maxHistoryLines } from "fastkv-plugin-shell/shell/history";

describe("the commands' kit", () => {
  it("reads and writes durations", () => {
    const cases: [text: string, ms: number | undefined][] = [
      ["1500", 1_500],
      ["1500ms", 1_500],
      ["90s", 90_000],
      ["1.5m", 90_000],
      ["2h", 7_200_000],
      ["7d", 604_800_000],
      ["soon", undefined],
      ["-5s", undefined],
      ["", undefined],
    ];
    for (const [text, ms] of cases) {
      expect(parseDurationMs(text), text).to.equal(ms);
    }
    expect(formatDurationMs(0.42)).to.equal("0.4 ms");
    expect(formatDurationMs(1_234)).to.equal("1.23 s");
    expect(formatDurationMs(7_260_000)).to.equal("2 h 1 min");
  });

  it("guesses what was meant", () => {
    const names = ["get", "put", "delete", "scan", "stats"];
    expect(nearestName("gte", names)).to.equal("get");
    expect(nearestName("del", names)).to.equal("delete");
    expect(nearestName("SCAN", names)).to.equal("scan");
    expect(nearestName("frobnicate", names)).to.equal(undefined);
    expect(nearestName("x", names)).to.equal(undefined);
  });

  it("knows what other stores call a command, where there is such a command", () => {
    const names = ["get", "put", "delete", "scan", "stats", "test"];
    for (const [theirs, ours] of [
      ["set", "put"],
      ["SET", "put"],
      ["rm", "delete"],
      ["list", "scan"],
      ["exists", undefined],
      ["constructor", undefined],
    ]) {
      expect(nearestName(theirs!, names), theirs).to.equal(ours);
    }
  });

  it("tells of writes that may be lost also where the work was interrupted", async () => {
    const printed: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text) => printed.push(String(text)) > 0;
    try {
      for (const writeOutcome of ["in-doubt", "not-applied"]) {
        const failure = Object.assign(new Error(`it is ${writeOutcome}`), { writeOutcome });
        const interrupted = interruptible(async () => {
          process.emit("SIGTERM", "SIGTERM");
          throw failure;
        });
        expect(await interrupted.catch((error: unknown) => error)).to.be.instanceOf(Interrupted);
      }
    } finally {
      process.stderr.write = write;
    }
    expect(printed.join("")).to.equal("Error: it is in-doubt\n");
  });

  it("describes an error on one line that is safe to print", () => {
    expect(describeError(new CommandFailure("two\n  lines \x1b[31m"))).to.equal("two lines \\u001b[31m");
  });

  it("breaks text between words", () => {
    expect(wrapText("one two three", 7)).to.deep.equal(["one two", "three"]);
    expect(wrapText("a longer-than-the-line word", 6)).to.deep.equal(["a", "longer-than-the-line", "word"]);
    expect(wrapText("", 5)).to.deep.equal([""]);
    expect(wrapText("one two three", Number.POSITIVE_INFINITY)).to.deep.equal(["one two three"]);
  });

  it("lays out tables", async () => {
    const table = await renderTable(
      [{ title: "name" }, { title: "n", align: "right" }],
      [
        ["a", "1"],
        ["long", "1000"],
      ],
    );
    expect(table.split("\n")).to.deep.equal(["name     n", "a        1", "long  1000"]);
  });

  it("waits for a slow reader, and stops when the reader is gone", async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    const writer = new LineWriter(stream);
    writer.say("x".repeat(100));
    let flushed = false;
    const flushing = writer.flush().then(() => {
      flushed = true;
    });
    await new Promise(setImmediate);
    expect(flushed).to.equal(false);
    stream.read();
    await flushing;
    stream.destroy();
    writer.say("more");
    let failure: unknown;
    await writer.flush().catch((error: unknown) => {
      failure = error;
    });
    expect(failure).to.be.instanceOf(OutputClosed);
  });
});

describe("the shell's history", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fastkv-history-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is kept in a file of mode 0600, the newest line last", async () => {
    const file = join(folder, "new", "history");
    const history = new History(file);
    expect(history.load()).to.deep.equal([]);
    history.append("one");
    history.append("two");
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(folder, "new"))).mode & 0o777).to.equal(0o700);
    expect(new History(file).load()).to.deep.equal(["two", "one"]);
  });

  it("closes a file that others could read", async () => {
    const file = join(folder, "history");
    await writeFile(file, "old\n", { mode: 0o644 });
    new History(file).load();
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
  });

  it("is cut when it has grown long", async () => {
    const file = join(folder, "history");
    await writeFile(file, "x\n".repeat(3 * maxHistoryLines));
    expect(new History(file).load()).to.have.length(maxHistoryLines);
    expect((await readFile(file, "utf8")).split("\n")).to.have.length(maxHistoryLines + 1);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
  });
});
