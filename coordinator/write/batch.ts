import { FastKVError } from "../../shared/errors.js";
import { OperationSection, operationKind, rangeFlag } from "../../shared/format/operations.js";
import { maxBatchBytes, maxBatchOperations, maxKeyBytes } from "../../shared/limits.js";
import type { BatchPart } from "../batch-log/log-format.js";
import type { ReadCache } from "../cache/read-cache.js";
import type { BatchOperation } from "../calls/call-options.js";
import type { Key } from "../calls/keys.js";
import { checkFields, invalidOption, shown } from "../calls/options.js";
import type { ByteRange } from "../calls/ranges.js";
import { withContext } from "../calls/refusals.js";
import { appendEntry } from "../encoding/append-entry.js";
import type { EntryEncoder, ValueOptions } from "../encoding/entry-encoder.js";

const firstSectionBytes = 1024;
const fieldsOfPut: ReadonlySet<string> = new Set(["type", "key", "value", "encoding", "ttl"]);
const fieldsOfDelete: ReadonlySet<string> = new Set(["type", "key"]);

/** A batch that was checked and encoded completely before any part of it is passed on. */
export interface EncodedBatch {
  parts: BatchPart[];
  /** The cache names of its keys, by shard; empty if the caches do not need them. */
  names: string[][];
}

/**
 * @param namer The cache, if the names of the keys are needed.
 * @throws FastKVError for the first invalid operation, and `FASTKV_BATCH_TOO_LARGE`.
 */
export function encodeBatch<V>(
  operations: Iterable<BatchOperation<V>>,
  defaults: ValueOptions,
  shards: number,
  encoder: EntryEncoder,
  namer: ReadCache | undefined,
): EncodedBatch {
  const sections: (OperationSection | undefined)[] = new Array(shards).fill(undefined);
  const names: string[][] = Array.from({ length: namer === undefined ? 0 : shards }, () => []);
  let count = 0;
  let bytes = 0;
  for (const operation of operations) {
    count += 1;
    let kind: number;
    try {
      kind = setOperation(encoder, operation, defaults);
    } catch (error) {
      throw withContext(`Operation ${count} of the batch`, error);
    }
    const section = (sections[encoder.shard] ??= new OperationSection(firstSectionBytes));
    bytes += appendEntry(section, kind, encoder, 0);
    if (count > maxBatchOperations) {
      throw tooLarge(`more than ${maxBatchOperations} operations`);
    }
    if (bytes > maxBatchBytes) {
      throw tooLarge(`more than ${maxBatchBytes} bytes`);
    }
    if (namer !== undefined) {
      names[encoder.shard]!.push(namer.nameOf(encoder.given, encoder.key, encoder.keyBytes));
    }
  }
  const parts: BatchPart[] = [];
  sections.forEach((section, shard) => {
    if (section !== undefined) {
      parts.push({ shard, section: section.bytes() });
    }
  });
  return { parts, names };
}

function setOperation<V>(
  encoder: EntryEncoder,
  operation: BatchOperation<V>,
  defaults: ValueOptions,
): number {
  if (typeof operation !== "object" || operation === null) {
    throw invalidOption("An operation of a batch is an object { type, key, value }");
  }
  switch (operation.type) {
    case "put":
      checkFields("A put", operation, fieldsOfPut);
      encoder.setEntry(operation.key, operation.value, {
        encoding: operation.encoding ?? defaults.encoding,
        ttl: operation.ttl ?? defaults.ttl,
      });
      return operationKind.put;
    case "del":
      checkFields("A del", operation, fieldsOfDelete);
      encoder.setKey(operation.key);
      return operationKind.delete;
    default: {
      if (Array.isArray(operation)) {
        throw invalidOption(
          "An operation of a batch is an object { type, key, value }. Pairs go to batchPut",
        );
      }
      const { type } = operation as { type: unknown };
      throw invalidOption(`The type of an operation is "put" or "del", not ${shown(type)}`);
    }
  }
}

/** Converts pairs to put operations of a batch. */
export function* putsOf<V>(pairs: Iterable<readonly [Key, V]>): Generator<BatchOperation<V>> {
  let count = 0;
  for (const pair of pairs) {
    count += 1;
    if (!Array.isArray(pair) || pair.length !== 2) {
      const hint = isOperation(pair) ? ". Operations { type, key, value } go to batch" : "";
      throw invalidOption(
        `Entry ${count} of the batch: batchPut takes pairs [key, value], a Map, or an object${hint}`,
      );
    }
    yield { type: "put", key: pair[0] as Key, value: pair[1] as V };
  }
}

function isOperation(given: unknown): boolean {
  return typeof given === "object" && given !== null && "type" in given;
}

/** Encodes the one operation that deletes a range; it is the same for every shard. */
export function deleteRangeSection({ lower, upper }: ByteRange): Buffer {
  // A bound longer than the longest key does not fit: the section has the longest key instead, marked as exclusive.
  const isTooLong = lower.length > maxKeyBytes;
  const key = isTooLong ? lower.subarray(0, maxKeyBytes) : lower;
  const tag = (isTooLong ? rangeFlag.lowerExclusive : 0) | (upper === null ? rangeFlag.unbounded : 0);
  const section = new OperationSection(256);
  section.append(
    {
      kind: operationKind.deleteRange,
      tag,
      expiresAt: 0,
      logged: false,
      key,
      value: upper ?? Buffer.alloc(0),
    },
    0,
  );
  return section.bytes();
}

function tooLarge(what: string): FastKVError {
  return new FastKVError("FASTKV_BATCH_TOO_LARGE", `The batch has ${what}. Split it, or use bulkLoad.`, {
    writeOutcome: "not-applied",
  });
}
