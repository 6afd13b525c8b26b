/** The entry point `fastkv/abstract-level`: FastKV with Level's interface. Requires the package `abstract-level` 3. */

export {
  FastKVLevel,
  type FastKVLevelBatchOptions,
  type FastKVLevelDelOptions,
  type FastKVLevelOptions,
  type FastKVLevelPutOptions,
  type StoreOptions,
} from "./fastkv-level.js";
export { LevelError } from "./level-error.js";
