import type { FileSystem } from "../../shared/storage/file-system.js";
import type { ShardIdentity } from "./files/shard-identity.js";
import type { JobRunner } from "./jobs/job-runner.js";

/** What an engine needs from outside. */
export interface EngineEnvironment {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  jobs: JobRunner;
  /** Returns a function that cancels the timer. */
  setTimer: (call: () => void, delayMs: number) => () => void;
}
