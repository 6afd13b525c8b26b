/** The public API of the package `fastkv`. */

export type { Class, ClassOptions } from "../shared/codec/value-codec.js";
export {
  type DamagePlace,
  errorCodes,
  FastKVError,
  type FastKVErrorCode,
  type FastKVErrorOptions,
  type WriteOutcome,
} from "../shared/errors.js";
export type { ValueEncoding } from "../shared/format/value-encoding.js";
export type { Finding } from "../shared/maintenance/finding.js";
export type { CompressionName, DurabilityMode } from "../shared/options.js";
export type { RecoverySummary } from "../shared/wire/messages.js";
export type {
  BatchOperation,
  BulkEntry,
  BulkLoadOptions,
  ClearOptions,
  FastKVEvents,
  PutOptions,
  ReadOptions,
  ScanOptions,
  StoredEntry,
  WriteOptions,
} from "./calls/call-options.js";
export type { Key } from "./calls/keys.js";
export type { OpenOptions } from "./calls/options.js";
export type { RangeOptions } from "./calls/ranges.js";
export type { LogFields, Logger } from "./events/logger.js";
export { FastKV } from "./fastkv.js";
export type { MaintenanceOptions, MaintenanceProgress } from "./maintenance/options.js";
export { type RepairReport, repair } from "./maintenance/repair.js";
export { type VerifyReport, verify } from "./maintenance/verify.js";
export type { Cursor } from "./scan/cursor.js";
export type { Scan } from "./scan/scan.js";
export type { Snapshot } from "./snapshot/snapshot.js";
export type {
  CacheStats,
  DatabaseStats,
  FailedShard,
  LevelStats,
  ShardStats,
  StoreStats,
} from "./statistics.js";
export type { BulkLoadProgress, BulkLoadResult } from "./write/bulk-load.js";
