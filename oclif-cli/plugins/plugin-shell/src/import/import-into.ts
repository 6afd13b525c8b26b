/** Loads what a reader reads: everything or nothing, and checks the counts. */

import type { BulkEntry, FastKV } from "fastkv";
import { counted } from "fastkv-cli/kit/counted";
import { startProgress } from "fastkv-cli/kit/progress";
import type { SourceReader } from "./reader-process.js";
import type { SourceEntry, SourceValue } from "./source.js";
import { unusableSource } from "./source-failure.js";

export interface ImportOptions {
  /** Counted by the reader in advance. */
  sourceEntries: number;
  /** Put before every key. */
  prefix: string;
  signal: AbortSignal;
}

export interface ImportResult {
  source: number;
  loaded: number;
  /** Keys that the database has after the load. */
  keys: number;
}

/** @throws CommandFailure if the counts differ: before the load is committed, so that nothing is loaded */
export async function importInto(
  db: FastKV,
  reader: SourceReader,
  { sourceEntries, prefix, signal }: ImportOptions,
): Promise<ImportResult> {
  const keysBefore = await db.count();
  const prefixBytes = Buffer.from(prefix);
  const progress = await startProgress("Importing");
  let read = 0;
  async function* entries(): AsyncGenerator<BulkEntry> {
    for await (const group of reader.groups()) {
      for (const entry of group) {
        yield bulkEntryOf(entry, prefixBytes);
      }
      read += group.length;
      progress.update(read, sourceEntries);
    }
    if (read !== sourceEntries) {
      throw unusableSource(
        `The source changed or is damaged: it has ${counted(sourceEntries, "entry", "entries")} and gave ${read}. Nothing was loaded`,
      );
    }
  }
  try {
    const { keys: loaded } = await db.bulkLoad(entries(), { signal });
    const keys = await db.count();
    verify({ source: sourceEntries, loaded, keys }, keysBefore);
    return { source: sourceEntries, loaded, keys };
  } finally {
    progress.stop();
  }
}

/** Checks that the load did what it reported. Existing keys may have expired or been replaced. */
function verify({ source, loaded, keys }: ImportResult, keysBefore: number): void {
  const isAllThere = keysBefore === 0 ? keys === source : keys >= source;
  if (loaded !== source || !isAllThere) {
    throw new Error(
      `The counts differ: ${source} in the source, ${loaded} loaded, ${keys} in the database, ${keysBefore} before`,
    );
  }
}

function bulkEntryOf({ key, value }: SourceEntry, prefix: Buffer): BulkEntry {
  const encoding = encodingOf[value.kind];
  return {
    key: prefix.length === 0 ? key : Buffer.concat([prefix, key]),
    value: value.kind === "bytes" ? value.bytes : value.value,
    encoding,
  };
}

const encodingOf = {
  bytes: "binary",
  json: "json",
  structured: "structured",
  msgpack: "msgpack",
} as const satisfies Record<SourceValue["kind"], string>;
