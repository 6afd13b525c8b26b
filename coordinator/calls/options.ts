import { getHeapStatistics } from "node:v8";
import { excerpt } from "../../shared/bytes.js";
import { FastKVError } from "../../shared/errors.js";
import { encodingTag, type ValueEncoding } from "../../shared/format/value-encoding.js";
import { maxShards, maxValueBytesCeiling } from "../../shared/limits.js";
import type { CompressionName, DurabilityMode } from "../../shared/options.js";
import { type Logger, missingLevels } from "../events/logger.js";
import { nameHint, optionsHint } from "./hints.js";

const kib = 1024;
const mib = 1024 * 1024;

/** Options for opening a database. Sizes are in bytes, times in milliseconds. All fields are optional. */
export interface OpenOptions {
  /**
   * Number of shard processes that hold the data. Fixed when the database is created: opening it with another number
   * fails with `FASTKV_SHARD_MISMATCH`. If left out, an existing database keeps its number.
   * @default 2 for a new database
   */
  shards?: number | undefined;
  /** When a write is acknowledged; see the durability table. @default "background" */
  durability?: DurabilityMode | undefined;
  /** How values are encoded unless a call specifies it. @default "json" */
  encoding?: ValueEncoding | undefined;
  /** If false, opening a missing database fails with `FASTKV_NOT_FOUND` instead of creating it. @default true */
  createIfMissing?: boolean | undefined;
  /** If true, opening an existing database fails with `FASTKV_EXISTS`. @default false */
  errorIfExists?: boolean | undefined;
  /**
   * If true, a folder that belongs to another user or is writable by others is opened instead of refused with
   * `FASTKV_UNSAFE_FOLDER`. Such users can then read, forge and delete the data.
   * @default false
   */
  allowSharedFolder?: boolean | undefined;
  /** A memtable is sealed when it uses this much memory; per shard. @default 67108864 */
  maxMemtableSize?: number | undefined;
  /**
   * Compression of new tables. Existing tables stay readable. All except "none" and "zstd" need a package.
   * @default "none"
   */
  compression?: CompressionName | undefined;
  /** Size of the cache of decoded blocks, per shard. @default 33554432 */
  cacheSize?: number | undefined;
  /**
   * Size of the cache of values in the coordinator, for all shards together. Each value counts as at least 640 bytes; 0
   * disables the cache.
   * @default a 16th of V8's heap limit, at most 268435456
   */
  readCacheSize?: number | undefined;
  /**
   * Size of the cache of scan pages in the coordinator, for all shards together. It may also use what `readCacheSize`
   * leaves unused; 0 disables the cache.
   * @default a 16th of V8's heap limit, at most 268435456
   */
  scanCacheSize?: number | undefined;
  /** Maximum number of concurrent compactions, per shard. @default 1 */
  compactionParallelism?: number | undefined;
  /** Time between syncs in mode "background": a power failure loses at most the writes of this time. @default 100 */
  syncInterval?: number | undefined;
  /** Maximum size of an encoded value. @default 67108864 */
  maxValueSize?: number | undefined;
  /**
   * Bytes of writes, reads and requests that may be in flight to one shard; more fail with `FASTKV_OVERLOADED`.
   * @default 67108864
   */
  maxInFlightBytes?: number | undefined;
  /** Size of a table's data blocks, before compression. @default 4096 */
  blockSize?: number | undefined;
  /** Bloom filter bits per key. 10 bits give about 1% false positives. @default 10 */
  bloomBitsPerKey?: number | undefined;
  /** Tables are split at this size. @default 8388608 */
  targetTableSize?: number | undefined;
  /** Size of level 1 that triggers its compaction. Each further level may be ten times larger. @default 67108864 */
  levelOneSize?: number | undefined;
  /** Maximum number of tables that each shard keeps open. @default 512 */
  maxOpenTables?: number | undefined;
  /**
   * The event `space-low` is emitted when the file system has fewer free bytes than this; 0 disables it.
   * @default 268435456
   */
  lowSpaceThreshold?: number | undefined;
  /**
   * Receives structured log lines: an object with the methods debug, info, warn and error, each called with fields and
   * a message, such as a pino logger.
   * @default no logging
   */
  logger?: Logger | undefined;
  /**
   * Whether SIGINT and SIGTERM close the database and then end the program. Has no effect if the program handles these
   * signals itself.
   * @default true
   */
  handleSignals?: boolean | undefined;
  /**
   * Whether the program polls for answers for up to 0.2 ms instead of sleeping, while calls wait for fewer shards than
   * there are processors (as when a single get is awaited). Answers come sooner, but a processor is busy meanwhile. The
   * program regularly tries both and does what is faster.
   * @default true
   */
  busyPoll?: boolean | undefined;
  /** The executable that runs shards. @default process.execPath */
  execPath?: string | undefined;
  /** Node options for shard processes. Those of this process and NODE_OPTIONS are not passed on. @default [] */
  execArgv?: readonly string[] | undefined;
  /**
   * The module that shard processes run; for bundlers, which move it. Its `worker.js` must be in the same folder.
   * @default the module in this package, `fastkv/shard`
   */
  shardModule?: string | URL | undefined;
  /** Folder in which the socket's private folder is created. @default the system's folder for temporary files */
  runtimeFolder?: string | undefined;
}

export interface ResolvedOptions {
  shards: number | undefined;
  durability: DurabilityMode;
  encoding: ValueEncoding;
  createIfMissing: boolean;
  errorIfExists: boolean;
  allowSharedFolder: boolean;
  maxMemtableSize: number;
  compression: CompressionName;
  cacheSize: number;
  readCacheSize: number;
  scanCacheSize: number;
  compactionParallelism: number;
  syncInterval: number;
  maxValueSize: number;
  maxInFlightBytes: number;
  blockSize: number;
  bloomBitsPerKey: number;
  targetTableSize: number;
  levelOneSize: number;
  maxOpenTables: number;
  lowSpaceThreshold: number;
  logger: Logger | undefined;
  handleSignals: boolean;
  busyPoll: boolean;
  execPath: string;
  execArgv: readonly string[];
  shardModule: URL | undefined;
  runtimeFolder: string | undefined;
}

export const durabilityModes: readonly DurabilityMode[] = ["none", "background", "sync"];
const compressions: readonly CompressionName[] = ["none", "snappy", "lz4", "zstd"];
export const encodings = Object.keys(encodingTag) as ValueEncoding[];

export function invalidOption(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_OPTION", message);
}

/** Describes a given value for an error message. The result is short, and no code of the value runs. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return excerpt(value, 60);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "an array" : "an object";
    case "bigint":
      return "a BigInt";
    default:
      return excerpt(String(value), 60).slice(1, -1);
  }
}

type Check<T> = (name: string, value: unknown) => T;

function integer(smallest: number, largest: number): Check<number> {
  return (name, value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < smallest || value > largest) {
      throw invalidOption(
        `Option ${name} must be a whole number from ${smallest} to ${largest}, not ${shown(value)}`,
      );
    }
    return value;
  };
}

/** Accepts one of a few words. */
export function oneOf<T extends string>(choices: readonly T[]): Check<T> {
  return (name, value) => {
    if (!choices.includes(value as T)) {
      throw invalidOption(
        `Option ${name} must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}, not ${shown(value)}`,
      );
    }
    return value as T;
  };
}

const boolean: Check<boolean> = (name, value) => {
  if (typeof value !== "boolean") {
    throw invalidOption(`Option ${name} must be true or false, not ${shown(value)}`);
  }
  return value;
};

const text: Check<string> = (name, value) => {
  if (typeof value !== "string" || value === "") {
    throw invalidOption(`Option ${name} must be a non-empty string, not ${shown(value)}`);
  }
  return value;
};

const texts: Check<readonly string[]> = (name, value) => {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw invalidOption(`Option ${name} must be an array of strings`);
  }
  return [...(value as string[])];
};

const moduleUrl: Check<URL> = (name, value) => {
  let cause: unknown;
  try {
    const url = value instanceof URL ? value : new URL(text(name, value));
    if (url.protocol === "file:") {
      return url;
    }
  } catch (error) {
    cause = error;
  }
  throw new FastKVError(
    "FASTKV_INVALID_OPTION",
    `Option ${name} must be a file's URL such as new URL("./shard.js", import.meta.url)`,
    cause === undefined ? {} : { cause },
  );
};

const logger: Check<Logger> = (name, value) => {
  const missing = missingLevels(value);
  if (missing.length > 0) {
    throw invalidOption(
      `Option ${name} must be an object with the methods debug, info, warn and error (it lacks ${missing.join(", ")})`,
    );
  }
  return value as Logger;
};

const gib = 1024 * mib;

/**
 * Default cache size: a share of V8's heap limit. V8 ends a program that exceeds the limit, which depends on the
 * machine.
 */
function partOfHeap(): number {
  return Math.min(256 * mib, Math.floor(getHeapStatistics().heap_size_limit / 16));
}

const checks: {
  [Name in keyof ResolvedOptions]: { check: Check<unknown>; fallback: () => ResolvedOptions[Name] };
} = {
  shards: { check: integer(1, maxShards), fallback: () => undefined },
  durability: { check: oneOf(durabilityModes), fallback: () => "background" },
  encoding: { check: oneOf(encodings), fallback: () => "json" },
  createIfMissing: { check: boolean, fallback: () => true },
  errorIfExists: { check: boolean, fallback: () => false },
  allowSharedFolder: { check: boolean, fallback: () => false },
  maxMemtableSize: { check: integer(64 * kib, gib), fallback: () => 64 * mib },
  compression: { check: oneOf(compressions), fallback: () => "none" },
  cacheSize: { check: integer(0, 64 * gib), fallback: () => 32 * mib },
  readCacheSize: { check: integer(0, 64 * gib), fallback: partOfHeap },
  scanCacheSize: { check: integer(0, 64 * gib), fallback: partOfHeap },
  compactionParallelism: { check: integer(1, 16), fallback: () => 1 },
  syncInterval: { check: integer(1, 60_000), fallback: () => 100 },
  maxValueSize: { check: integer(1, maxValueBytesCeiling), fallback: () => 64 * mib },
  maxInFlightBytes: { check: integer(64 * kib, 4 * gib), fallback: () => 64 * mib },
  blockSize: { check: integer(512, mib), fallback: () => 4 * kib },
  bloomBitsPerKey: { check: integer(0, 40), fallback: () => 10 },
  targetTableSize: { check: integer(64 * kib, gib), fallback: () => 8 * mib },
  levelOneSize: { check: integer(64 * kib, 64 * gib), fallback: () => 64 * mib },
  maxOpenTables: { check: integer(64, 100_000), fallback: () => 512 },
  lowSpaceThreshold: { check: integer(0, Number.MAX_SAFE_INTEGER), fallback: () => 256 * mib },
  logger: { check: logger, fallback: () => undefined },
  handleSignals: { check: boolean, fallback: () => true },
  busyPoll: { check: boolean, fallback: () => true },
  execPath: { check: text, fallback: () => process.execPath },
  execArgv: { check: texts, fallback: () => [] },
  shardModule: { check: moduleUrl, fallback: () => undefined },
  runtimeFolder: { check: text, fallback: () => undefined },
};

/** @throws FastKVError `FASTKV_INVALID_OPTION` for an unknown name or an invalid value. */
export function resolveOptions(options: OpenOptions): ResolvedOptions {
  checkNames("open", options, Object.keys(checks));
  const given = options as Record<string, unknown>;
  const resolved: Record<string, unknown> = {};
  for (const [name, { check, fallback }] of Object.entries(checks)) {
    resolved[name] = given[name] === undefined ? fallback() : check(name, given[name]);
  }
  return resolved as unknown as ResolvedOptions;
}

/** @throws FastKVError `FASTKV_INVALID_OPTION`. */
export function checkPath(path: unknown): string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) {
    return path;
  }
  throw invalidOption(
    `The path of a database is a non-empty string without NUL, not ${shown(path)}${pathHint(path)}`,
  );
}

function pathHint(given: unknown): string {
  if (given instanceof URL) {
    return ". Give fileURLToPath(url) of node:url";
  }
  return isPlainObject(given) ? ". It stands in front of the options, as in open(path, options)" : "";
}

/** Like `checkNames`, for small objects that occur in large numbers: refuses a field that would be ignored. */
export function checkFields(what: string, given: object, known: ReadonlySet<string>): void {
  for (const name in given) {
    if (!known.has(name) && Object.hasOwn(given, name)) {
      throw invalidOption(`${what} has no field ${excerpt(name, 60)}; it has ${[...known].join(", ")}`);
    }
  }
}

/**
 * Accepts objects made by a literal in any realm, and objects without a prototype. A RegExp, a Promise, a Map and many
 * others have no own fields: where options are expected, they would count as empty options.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Throws unless `options` is a plain object with only names that the call knows. */
export function checkNames(call: string, options: unknown, known: readonly string[]): void {
  if (!isPlainObject(options)) {
    const hint = optionsHint(options, known);
    throw invalidOption(`The options of ${call} must be an object, not ${shown(options)}${hint}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw invalidOption(`${call} has no option ${excerpt(name, 60)}; ${nameHint(name, known)}`);
    }
  }
}
