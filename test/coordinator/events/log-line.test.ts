import { expect } from "chai";
import type { DatabaseEvent } from "../../../coordinator/events/database-event.js";
import { EventHub } from "../../../coordinator/events/event-hub.js";
import { logLineOf } from "../../../coordinator/events/log-line.js";
import { FastKVError } from "../../../shared/errors.js";
import { RecordingLogger } from "./recording-logger.js";

const error = new FastKVError("FASTKV_IO", "no");
const recovery = { wasClean: true, replayedRecords: 0, replayedBytes: 0, tornBytes: 0, unloggedRecords: 0 };

const rows: [DatabaseEvent, string][] = [
  [{ type: "opened", path: "/db", shards: 2, durationMs: 5 }, "info"],
  [{ type: "shard-ready", shard: 1, durationMs: 5, recovery }, "info"],
  [{ type: "shard-restart", shard: 1, reason: "was ended by SIGKILL" }, "warn"],
  [{ type: "shard-failed", shard: 1, error }, "error"],
  [{ type: "read-only", error }, "error"],
  [{ type: "stall", shard: 1, kind: "none", reason: "" }, "info"],
  [{ type: "stall", shard: 1, kind: "slow", reason: "level-0" }, "warn"],
  [{ type: "stall", shard: 1, kind: "stop", reason: "memtables" }, "warn"],
  [
    {
      type: "space-low",
      isLow: true,
      path: "/db",
      freeBytes: 1,
      totalBytes: 9,
      thresholdBytes: 2,
      reason: "1",
    },
    "warn",
  ],
  [
    {
      type: "space-low",
      isLow: false,
      path: "/db",
      freeBytes: 3,
      totalBytes: 9,
      thresholdBytes: 2,
      reason: "3",
    },
    "info",
  ],
  [{ type: "corruption", shard: 1, path: "/db/a.sst", offset: 7, reason: "wrong checksum" }, "error"],
  [{ type: "background-error", shard: 1, code: "FASTKV_IO", message: "EIO" }, "warn"],
  [{ type: "fatal", shard: 1, code: "FASTKV_IO", message: "EIO" }, "error"],
  [
    { type: "work", shard: 1, kind: "flush", durationMs: 3, entriesRead: 2, tables: 1, writtenBytes: 50 },
    "debug",
  ],
  [{ type: "closed", path: "/db", durationMs: 5 }, "info"],
];

describe("A line of the log", () => {
  for (const [event, level] of rows) {
    it(`of ${event.type} (${level}) has its fields, and its shard's pid`, () => {
      const line = logLineOf(event, "shard" in event ? 4711 : undefined);
      const { type, ...details } = event;
      expect(line.level).to.equal(level);
      expect(line.message).to.match(/^[A-Z].*[^.]$/);
      expect(line.fields.event).to.equal(type);
      expect(line.fields.shardPid).to.equal("shard" in event ? 4711 : undefined);
      if ("error" in event) {
        expect(line.fields).to.include({ err: error, code: "FASTKV_IO" });
      } else {
        expect(line.fields).to.include(details);
      }
    });
  }
});

describe("The desk where events come together", () => {
  it("counts the damaged places of each shard", () => {
    const desk = new EventHub(undefined, () => undefined);
    for (const shard of [1, 0, 1]) {
      desk.tell({ type: "corruption", shard, path: "/db/a.sst", offset: 7, reason: "wrong checksum" });
    }
    expect([0, 1, 2].map((shard) => desk.corruptionsOf(shard))).to.deep.equal([1, 2, 0]);
  });

  it("says in a restart what the shard's last words were, once", async () => {
    const logger = new RecordingLogger();
    const desk = new EventHub(logger, () => undefined);
    const restart = { type: "shard-restart", shard: 1, reason: "exited with code 70" } as const;
    desk.tell({ type: "fatal", shard: 1, code: "FASTKV_IO", message: "Cannot sync a.wal: EIO." });
    desk.tell({ ...restart, shard: 0 });
    desk.tell(restart);
    desk.tell(restart);
    await new Promise((resolve) => setImmediate(resolve));
    expect(logger.of("shard-restart").map(({ fields }) => fields.reason)).to.deep.equal([
      "exited with code 70",
      "exited with code 70: Cannot sync a.wal: EIO.",
      "exited with code 70",
    ]);
  });

  it("logs in the order in which things happened", async () => {
    const logger = new RecordingLogger();
    const desk = new EventHub(logger, (shard) => 100 + shard);
    for (const [event] of rows) {
      desk.tell(event);
    }
    expect(logger.lines).to.deep.equal([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(logger.lines.map(({ level, fields }) => [fields.event, level])).to.deep.equal(
      rows.map(([event, level]) => [event.type, level]),
    );
    expect(logger.lines[1]!.fields.shardPid).to.equal(101);
  });
});
