/** The planted bugs: each breaks one promise, and the suite must find it. */

/** A run of one group that must find a bug. */
export interface Proof {
  readonly group: string;
  readonly seed: number;
  readonly seconds: number;
}

export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  /** Compiled file, relative to `dist`. */
  readonly file: string;
  /** Stands in it exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** Each of these runs alone must find it. */
  readonly proofs: readonly Proof[];
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "wal-sync-left-out",
    what: "mode sync acknowledges without an fsync of the WAL",
    file: "shard/engine/wal/wal.js",
    text: "return this.#segment.syncAsync();",
    replacement: "return Promise.resolve();",
    proofs: [
      { group: "power-cut", seed: 1, seconds: 60 },
      { group: "power-cut-real", seed: 1, seconds: 60 },
    ],
  },
  {
    name: "acknowledged-when-sent",
    what: "a write is acknowledged before the shard has written it to its WAL",
    file: "coordinator/shards/pending-writes.js",
    text: "(untilSynced ? this.#synced : this.#written).push(write);",
    replacement: "if (untilSynced) this.#synced.push(write); else write.resolve();",
    proofs: [
      { group: "power-cut", seed: 1, seconds: 60 },
      { group: "kills", seed: 1, seconds: 120 },
    ],
  },
  {
    name: "synced-when-written",
    what: "a write in mode sync is acknowledged when it is written",
    file: "coordinator/shards/pending-writes.js",
    text: "Math.min(shard.synced, this.#bound(log.synced))",
    replacement: "Math.min(shard.written, this.#bound(log.written))",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "current-without-folder-sync",
    what: "the folder is not synced after the rename of CURRENT",
    file: "shared/storage/file-system.js",
    text: "fileSystem.syncFolder(folder);",
    replacement: "",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "manifest-edit-unsynced",
    what: "a version edit counts before it is on disk",
    file: "shard/engine/version/manifest.js",
    text: "await this.#log.syncAsync();",
    replacement: "",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "part-without-record",
    what: "a batch's part counts although the batch log has no record of it",
    file: "shard/engine/recovery/recovery.js",
    text: "!logged.sequences.has(sequence)",
    replacement: "false",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "flush-before-batch-log",
    what: "a part of a batch is flushed before the batch log vouches for it",
    file: "shard/engine/background/sequence-gate.js",
    text: "while (this.#sequence < sequence) {",
    replacement: "while (this.#sequence < 0) {",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "torn-record-taken",
    what: "the torn end of a log is taken for a record: its checksum is not compared",
    file: "shared/record-log/log-file.js",
    text: "if (!isPayloadOf(scratch, payload, fileMark, offset)) {",
    replacement: "if (payload.length < payloadBytes) {",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "compaction-drops-deletes",
    what: "a compaction drops deletes although older values lie deeper",
    file: "shard/engine/compaction/version-filter.js",
    text: "context.mayLieDeeper(key)",
    replacement: "false",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "flush-drops-deletes",
    what: "a flush drops deletes although level 0 has older values",
    file: "shard/engine/version/tree.js",
    text: "outputLevel === 0 ? levels[0].map((table) => [table]) : []",
    replacement: "[]",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "range-delete-forgotten",
    what: "a range delete is forgotten while tables hold what it hides",
    file: "shard/engine/compaction/picker.js",
    text: "if (mayHoldHidden(table, range)) {\n            return true;",
    replacement: "if (mayHoldHidden(table, range)) {\n            return false;",
    proofs: [{ group: "power-cut", seed: 1, seconds: 60 }],
  },
  {
    name: "expired-value-returned",
    what: "an expired value is returned",
    file: "shard/engine/read-path/reads.js",
    text: "entry.expiresAt !== 0 && entry.expiresAt <= at.timeMs",
    replacement: "entry.expiresAt < 0",
    proofs: [{ group: "kills", seed: 1, seconds: 60 }],
  },
  {
    name: "retained-writes-forgotten",
    what: "a restarted shard does not get what it had not synced",
    file: "coordinator/shards/retained-writes.js",
    text: "return this.#sections;",
    replacement: "return [];",
    proofs: [{ group: "kills", seed: 1, seconds: 60 }],
  },
  {
    name: "hold-ignored",
    what: "a compaction drops versions that an open snapshot needs",
    file: "shard/engine/read-path/holds.js",
    text: "return sequences[low] < newer;",
    replacement: "return false;",
    proofs: [{ group: "kills", seed: 1, seconds: 60 }],
  },
  {
    name: "cache-filled-late",
    what: "the read cache keeps what a read found although the key was written meanwhile",
    file: "coordinator/cache/read-cache.js",
    text: "return entry.version === version && !entry.isKnown && this.#isIn(entry);",
    replacement: "return !entry.isKnown && this.#isIn(entry);",
    proofs: [
      { group: "kills", seed: 1, seconds: 60 },
      { group: "histories", seed: 1, seconds: 60 },
    ],
  },
  {
    name: "page-filled-late",
    what: "the scan cache keeps a page although a key in it was written since its scan was called",
    file: "coordinator/cache/recent-writes.js",
    text: "if (key >= lower && (upper === null || key < upper)) {",
    replacement: "if (key === upper) {",
    proofs: [{ group: "histories", seed: 1, seconds: 60 }],
  },
  {
    name: "snapshot-taken-late",
    what: "a snapshot shows one write that was called after it",
    file: "coordinator/database.js",
    text: "return { sequence: this.sequence, timeMs: this.clock.now() };",
    replacement: "return { sequence: this.sequence + 1, timeMs: this.clock.now() };",
    proofs: [{ group: "histories", seed: 1, seconds: 60 }],
  },
  {
    name: "scan-never-released",
    what: "a scan that is left keeps its hold",
    file: "coordinator/scan/merged-scan.js",
    text: "this.#host.holds.release(this.#holdId);",
    replacement: "",
    proofs: [{ group: "leaks", seed: 1, seconds: 90 }],
  },
  {
    name: "failed-write-counted",
    what: "a record that could not be written whole counts as written, and the log goes on behind it",
    file: "shared/record-log/record-log.js",
    text: "throw this.#cutBack(error);\n        }\n        this.sizeBytes += total;",
    replacement:
      "this.sizeBytes += total;\n            throw error;\n        }\n        this.sizeBytes += total;",
    proofs: [
      { group: "faults", seed: 1, seconds: 180 },
      { group: "full-disk", seed: 1, seconds: 60 },
    ],
  },
  {
    name: "replaced-file-removed-first",
    what: "a small file is removed before the new one takes its name",
    file: "shared/storage/file-system.js",
    text: "fileSystem.rename(temporary, ",
    replacement: 'fileSystem.remove(folder + "/" + name);\n    fileSystem.rename(temporary, ',
    proofs: [{ group: "faults", seed: 1, seconds: 240 }],
  },
  {
    name: "restart-without-pause",
    what: "a shard that dies again and again is started at once each time",
    file: "coordinator/shards/restart-policy.js",
    text: "deaths === 1 ? 0 : firstPauseMs * 2 ** deaths",
    replacement: "0",
    proofs: [{ group: "hangs", seed: 1, seconds: 90 }],
  },
  {
    name: "queue-without-bound",
    what: "calls for a shard that does not answer are taken without end",
    file: "coordinator/shards/shard-client.js",
    text: "if (bytes > this.#maxInFlightBytes) {",
    replacement: "if (bytes > Number.POSITIVE_INFINITY) {",
    proofs: [{ group: "hangs", seed: 1, seconds: 90 }],
  },
  {
    name: "block-checksum-ignored",
    what: "the checksum of a table's block is not compared",
    file: "shard/engine/table/block-format.js",
    text: "if (stored.readUInt32LE(contentBytes + 5) !== expected) {",
    replacement: "if (expected < 0) {",
    proofs: [{ group: "bytes", seed: 1, seconds: 60 }],
  },
  {
    name: "claimed-length-believed",
    what: "a frame may claim any length",
    file: "shared/wire/frame-assembler.js",
    text: "length < smallestFrameBytes || length > this.#limitBytes",
    replacement: "length < smallestFrameBytes",
    proofs: [{ group: "fuzz", seed: 1, seconds: 60 }],
  },
];

/** The bug of that name, or all of them; none where there is no such bug. */
export function findPlants(name: string): readonly PlantedBug[] {
  return plantedBugs.filter((bug) => name === "all" || bug.name === name);
}
