/** The entry `fastkv/abstract-level`: FastKV behind the interface of Level. Needs the package `abstract-level` 3. */

export {
  FastKVLevel,
  type FastKVLevelBatchOptions,
  type FastKVLevelDelOptions,
  type FastKVLevelOptions,
  type FastKVLevelPutOptions,
  type StoreOptions,
} from "./fastkv-level.js";
export { LevelError } from "./level-error.js";
