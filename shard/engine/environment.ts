import type { FileSystem } from "../../shared/storage/file-system.js";
import type { JobRunner } from "./jobs/job-runner.js";
import type { ShardIdentity } from "./version/manifest.js";

/** What an engine has from outside. */
export interface EngineEnvironment {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  jobs: JobRunner;
  /** Gives back what cancels it. */
  setTimer: (call: () => void, delayMs: number) => () => void;
}
