/** The decoders of files: record logs and what stands in them, tables, and the small files. */

import { hasBatchLog, loadBatchLog } from "../../../../coordinator/batch-log/load-batch-log.js";
import { decodeIdentity } from "../../../../coordinator/ownership/identity-file.js";
import { decodeOwnerRecord } from "../../../../coordinator/ownership/owner-record.js";
import { readLoadFile } from "../../../../shard/engine/bulk-load/loads.js";
import { recover } from "../../../../shard/engine/recovery/recovery.js";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { TableReader } from "../../../../shard/engine/table/table-reader.js";
import { loadManifest } from "../../../../shard/engine/version/manifest.js";
import { decodeVersionEdit } from "../../../../shard/engine/version/version-edit.js";
import { findShortSegment } from "../../../../shard/engine/wal/wal-start.js";
import { checksum } from "../../../../shared/checksum.js";
import { FastKVError } from "../../../../shared/errors.js";
import { decodeFileHeader, fileHeaderBytes, fileKind } from "../../../../shared/format/file-header.js";
import { OperationReader } from "../../../../shared/format/operations.js";
import { recordHeaderBytes } from "../../../../shared/record-log/record-format.js";
import { scanLog } from "../../../../shared/record-log/record-scan.js";
import { newEntry } from "../../../shard/engine/table/support.js";
import { Random } from "../../../support/random.js";
import { SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import { storeFolder } from "../../../support/simulated-store.js";
import { type Base, makeBases } from "../bytes/base.js";
import { soundRecords } from "../bytes/tail-rule.js";
import type { Field } from "./mutate.js";
import { logFields, sealHeader, sealLog, sealTable, tableFields } from "./seal.js";
import type { FuzzTarget } from "./target.js";

const sampleSeed = 5;
let bases: Promise<Base[]> | undefined;

/** The databases that samples of files are taken from. */
function sampleBases(): Promise<Base[]> {
  bases ??= makeBases(new Random(sampleSeed));
  return bases;
}

async function filesLike(pattern: RegExp, most = 8): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {};
  for (const { name, disk } of await sampleBases()) {
    for (const path of disk.files().filter((file) => pattern.test(file))) {
      const short = path
        .slice(storeFolder.length + 1)
        .replace("/", "-")
        .toLowerCase();
      if (Object.keys(found).length < most) {
        found[`${name}-${short}`] = disk.contentOf(path);
      }
    }
  }
  return found;
}

/** A disk with one file on it, at the place that the file's own header names. */
function diskWith(path: string, bytes: Buffer): SimulatedFileSystem {
  const disk = new SimulatedFileSystem({ random: new Random(0), folders: ["/d"] });
  disk.install(path, bytes);
  return disk;
}

/** What a header says of its file, damaged or not: so that the decoder gets beyond it. */
function headerIn(bytes: Buffer): {
  databaseId: Buffer;
  shardIndex: number;
  epoch: number;
  fileNumber: number;
} {
  const padded = Buffer.concat([bytes, Buffer.alloc(fileHeaderBytes)]);
  return {
    databaseId: Buffer.from(padded.subarray(16, 32)),
    shardIndex: padded.readUInt32LE(32),
    epoch: padded.readUInt32LE(36),
    fileNumber: padded.readUIntLE(40, 6) % 1_000_000,
  };
}

const padded = (fileNumber: number): string => String(fileNumber).padStart(6, "0");

const operations: FuzzTarget = {
  name: "operations",
  async samples() {
    const logs = await filesLike(/\.wal$/, 3);
    return Object.fromEntries(
      Object.entries(logs).map(([name, bytes]) => {
        const { start, end } = soundRecords(bytes).at(-1)!;
        return [name.replace(".wal", ""), Buffer.from(bytes.subarray(start + recordHeaderBytes, end))];
      }),
    );
  },
  fieldsOf: (bytes) =>
    bytes.length < 12
      ? []
      : [
          { at: 0, sizeBytes: 1 },
          { at: 2, sizeBytes: 2 },
          { at: 4, sizeBytes: 4 },
          { at: 8, sizeBytes: 4 },
        ],
  feed(bytes) {
    const reader = new OperationReader(bytes);
    let before = 0;
    while (reader.next()) {
      if (reader.end <= before || reader.end > bytes.length || reader.valueStart > reader.end) {
        throw new Error("An operation lies outside of its section");
      }
      before = reader.end;
    }
  },
};

const wal: FuzzTarget = {
  name: "wal",
  samples: () => filesLike(/\.wal$/),
  fieldsOf: logFields,
  reseal: sealLog,
  feed(bytes) {
    const shard = headerIn(bytes);
    const name = `${padded(shard.fileNumber)}.wal`;
    const disk = diskWith(`/d/${name}`, bytes);
    scanLog(disk, `/d/${name}`, {
      expected: { ...shard, kind: fileKind.wal },
      onRecord: () => undefined,
      onGap: () => true,
    });
    disk.install("/d/000001.wal", bytes);
    findShortSegment(disk, "/d", shard, [1, shard.fileNumber]);
  },
};

/** A shard that has a WAL segment of these bytes: a manifest of its own names it. */
const recovery: FuzzTarget = {
  name: "recovery",
  samples: () => filesLike(/shard-001\/.*\.wal$/, 4),
  fieldsOf: logFields,
  reseal: sealLog,
  feed(bytes) {
    const { databaseId, shardIndex, epoch, fileNumber } = headerIn(bytes);
    const disk = new SimulatedFileSystem({ random: new Random(0), folders: ["/d"] });
    const shard = { databaseId, shardIndex, epoch };
    const logged = { cutSequence: 0, sequences: new Set<number>(), syncedSequence: 0 };
    const input = { fileSystem: disk, folder: "/d", shard, logged };
    const made = recover({ ...input, create: true });
    void made.manifest.append({ addedLogs: [fileNumber + 100] });
    disk.install(`/d/${padded(fileNumber + 100)}.wal`, bytes);
    recover({ ...input, create: false });
  },
};

const manifest: FuzzTarget = {
  name: "manifest",
  samples: () => filesLike(/MANIFEST/),
  fieldsOf: logFields,
  reseal: sealLog,
  async feed(bytes) {
    const { databaseId, shardIndex, epoch, fileNumber } = headerIn(bytes);
    const disk = diskWith(`/d/MANIFEST-${padded(fileNumber)}`, bytes);
    const current = Buffer.from(
      Buffer.concat([bytes, Buffer.alloc(fileHeaderBytes)]).subarray(0, fileHeaderBytes),
    );
    current.writeUInt32LE(fileKind.current, 12);
    current.writeUIntLE(fileNumber, 40, 6);
    current.writeUInt16LE(0, 46);
    sealHeader(current);
    disk.install("/d/CURRENT", current);
    loadManifest(disk, "/d", { databaseId, shardIndex, epoch });
  },
};

const versionEdit: FuzzTarget = {
  name: "version-edit",
  async samples() {
    const [bytes] = Object.values(await filesLike(/MANIFEST/, 1));
    const edits = soundRecords(bytes!).map(({ start, end }, at): [string, Buffer] => [
      `edit-${at}`,
      Buffer.from(bytes!.subarray(start + recordHeaderBytes, end)),
    ]);
    return {
      ...Object.fromEntries(edits),
      "bomb-array": Buffer.from("81ab61646465645461626c6573dd01ffffff", "hex"),
      "bomb-nested": Buffer.concat(Array<Buffer>(200).fill(Buffer.from("dd01ffffff", "hex"))),
      proto: Buffer.from("81a95f5f70726f746f5f5f81a8706f6c6c7574656401", "hex"),
    };
  },
  feed(bytes) {
    decodeVersionEdit(bytes);
  },
};

const current: FuzzTarget = {
  name: "current",
  samples: () => filesLike(/CURRENT/, 2),
  fieldsOf: () => [
    { at: 8, sizeBytes: 4 },
    { at: 12, sizeBytes: 4 },
    { at: 32, sizeBytes: 4 },
    { at: 40, sizeBytes: 8 },
  ],
  reseal: sealHeader,
  feed(bytes) {
    const { databaseId, shardIndex, epoch } = headerIn(bytes);
    try {
      loadManifest(diskWith("/d/CURRENT", bytes), "/d", { databaseId, shardIndex, epoch });
    } catch (error) {
      // It was read, and leads to a file that is not there.
      if (!(error instanceof FastKVError && error.damage?.path.includes("MANIFEST"))) {
        throw error;
      }
    }
  },
};

const batchLog: FuzzTarget = {
  name: "batch-log",
  samples: () => filesLike(/batch-log/),
  fieldsOf(bytes) {
    const parts = soundFields(bytes);
    return [...logFields(bytes), ...parts];
  },
  reseal: sealLog,
  feed(bytes) {
    const { databaseId, fileNumber } = headerIn(bytes);
    const disk = diskWith(`/d/batch-log-${padded(fileNumber)}`, bytes);
    if (hasBatchLog(disk, "/d")) {
      loadBatchLog(disk, "/d", databaseId);
    }
  },
};

/** Of batches in a log: number of parts, and the shard and length of the first one. */
function soundFields(bytes: Buffer): Field[] {
  const at = fileHeaderBytes + recordHeaderBytes + 8 + recordHeaderBytes;
  return bytes.length < at + 24
    ? []
    : [
        { at: at + 8, sizeBytes: 4 },
        { at: at + 12, sizeBytes: 4 },
        { at: at + 16, sizeBytes: 4 },
      ];
}

const load: FuzzTarget = {
  name: "load",
  samples: () => filesLike(/\.load$/),
  fieldsOf: logFields,
  reseal: sealLog,
  feed(bytes) {
    const shard = headerIn(bytes);
    const disk = diskWith(`/d/${padded(shard.fileNumber)}.load`, bytes);
    readLoadFile(disk, "/d", shard, shard.fileNumber);
  },
};

const table: FuzzTarget = {
  name: "table",
  samples: () => filesLike(/\.sst$/, 12),
  fieldsOf: tableFields,
  reseal: sealTable,
  feed(bytes) {
    const shard = headerIn(bytes);
    const path = `/d/${padded(shard.fileNumber)}.sst`;
    const disk = diskWith(path, bytes);
    const reader = TableReader.open(
      disk,
      path,
      { ...shard, kind: fileKind.table },
      new BlockCache(1024 * 1024),
    );
    const errors = [
      caught(() => reader.verify()),
      caught(() => walk(reader, "next")),
      caught(() => walk(reader, "prev")),
      ...["", "key000", "key012", "~", "\u00ff"].map((key) =>
        caught(() => reader.get(key, Number.POSITIVE_INFINITY, newEntry())),
      ),
    ].filter((error) => error !== undefined);
    reader.close();
    if (errors.length > 0) {
      throw errors[0];
    }
  },
};

/** Each way of reading is tried, whatever the one before met. */
function caught(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** No entry of a table takes less than four bytes. */
function walk(reader: TableReader, step: "next" | "prev"): void {
  const cursor = reader.cursor();
  let entries = 0;
  if (step === "next") {
    cursor.seekToFirst();
  } else {
    cursor.seekToLast();
  }
  for (; cursor.valid; cursor[step]()) {
    entries += 1;
    if (entries > reader.info.sizeBytes) {
      throw new Error("A cursor goes round in a circle");
    }
  }
}

const identity: FuzzTarget = {
  name: "identity",
  samples: () => filesLike(/FASTKV$/, 2),
  fieldsOf: () => [
    { at: 8, sizeBytes: 4 },
    { at: 64, sizeBytes: 4 },
    { at: 68, sizeBytes: 1 },
  ],
  reseal(bytes) {
    sealHeader(bytes);
    if (bytes.length >= 72) {
      const bound = Buffer.concat([bytes.subarray(0, 60), bytes.subarray(64, -4)]);
      bytes.writeUInt32LE(checksum(bound), bytes.length - 4);
    }
  },
  feed(bytes) {
    decodeIdentity(bytes, "/d/FASTKV");
  },
};

const owner: FuzzTarget = {
  name: "owner",
  async samples() {
    return {
      ...(await filesLike(/OWNER/, 2)),
      held: ownerText(
        '{"format":1,"epoch":3,"holder":{"pid":1,"startTime":"5","bootId":"b"},"runtimeFolder":"/tmp/fastkv-abcdefgh","shards":[{"pid":2,"startTime":"6","bootId":"b"}],"timeMs":1700000000000}',
      ),
      proto: ownerText(
        '{"__proto__":{"polluted":1},"format":1,"epoch":3,"holder":null,"runtimeFolder":null,"shards":[],"timeMs":1}',
      ),
      deep: ownerText(`${"[".repeat(60_000)}${"]".repeat(60_000)}`),
    };
  },
  reseal(bytes) {
    if (bytes.length > 9) {
      bytes.write(`${checksum(bytes.subarray(9)).toString(16).padStart(8, "0")} `, 0, "latin1");
    }
  },
  feed(bytes) {
    decodeOwnerRecord(bytes, "/d/OWNER-0000000003", 3);
  },
};

function ownerText(json: string): Buffer {
  const line = Buffer.from(`         ${json}\n`);
  owner.reseal!(line);
  return line;
}

const fileHeader: FuzzTarget = {
  name: "file-header",
  samples: () => filesLike(/CURRENT/, 1),
  reseal: sealHeader,
  feed(bytes) {
    decodeFileHeader(bytes, "/d/file");
  },
};

export const fileTargets: readonly FuzzTarget[] = [
  fileHeader,
  operations,
  wal,
  recovery,
  manifest,
  versionEdit,
  current,
  batchLog,
  load,
  table,
  identity,
  owner,
];
