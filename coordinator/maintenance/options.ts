import type { ShardTask } from "../../shared/maintenance/messages.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { checkSignal } from "../calls/abort.js";
import { checkNames, invalidOption } from "../calls/options.js";
import { checkFolderTrust } from "../ownership/folder-trust.js";
import type { Ownership } from "../ownership/ownership.js";
import { defaultMaintenanceModule, type FinalReply } from "./maintenance-process.js";
import { performTasks } from "./shard-tasks.js";

export interface MaintenanceProgress {
  /** Bytes of files read so far. */
  doneBytes: number;
  /** Bytes of all files of the shards. */
  totalBytes: number;
}

/** Options of `verify` and `repair`. */
export interface MaintenanceOptions {
  /** Called from time to time with how much was read. @default no progress reports */
  onProgress?: ((progress: MaintenanceProgress) => void) | undefined;
  /** Ends the work when aborted: the call rejects with `FASTKV_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Whether to accept a folder that belongs to another user or is writable by others. @default false */
  allowSharedFolder?: boolean | undefined;
  /** The executable that does the work. @default process.execPath */
  execPath?: string | undefined;
  /** Node options for that executable. @default [] */
  execArgv?: readonly string[] | undefined;
  /** The module that it runs; for bundlers, which move it. @default the module in this package, `fastkv/maintenance` */
  maintenanceModule?: URL | undefined;
}

const names = ["onProgress", "signal", "allowSharedFolder", "execPath", "execArgv", "maintenanceModule"];

/** What an examination runs on: real files and processes or, in tests, a simulated disk and this process itself. */
export interface MaintenanceEnvironment {
  fileSystem: FileSystem;
  /** Throws `FASTKV_UNSAFE_FOLDER` for a folder that other users may change. */
  checkFolder?(folder: string): void;
  /** Performs tasks in any order; the replies are in the order of the tasks. */
  perform(
    tasks: readonly ShardTask[],
    ownership: Ownership,
    onRead: (bytes: number) => void,
  ): Promise<FinalReply[]>;
  onProgress(progress: MaintenanceProgress): void;
}

/** @throws FastKVError `FASTKV_INVALID_OPTION` */
export function environmentOf(call: string, options: MaintenanceOptions): MaintenanceEnvironment {
  checkNames(call, options, names);
  const { onProgress = () => undefined, signal, execPath = process.execPath, execArgv = [] } = options;
  const { maintenanceModule = defaultMaintenanceModule, allowSharedFolder = false } = options;
  checkSignal(signal);
  if (typeof onProgress !== "function") {
    throw invalidOption("Option onProgress must be a function");
  }
  if (typeof execPath !== "string" || !Array.isArray(execArgv)) {
    throw invalidOption("Option execPath must be a string, execArgv an array of strings");
  }
  if (typeof allowSharedFolder !== "boolean") {
    throw invalidOption("Option allowSharedFolder must be true or false");
  }
  if (!(maintenanceModule instanceof URL)) {
    throw invalidOption('Option maintenanceModule must be a URL such as new URL("./m.js", import.meta.url)');
  }
  const program = { module: maintenanceModule, execPath, execArgv };
  return {
    fileSystem: new NodeFileSystem(),
    checkFolder: (folder) => checkFolderTrust(folder, { allowShared: allowSharedFolder }),
    perform: (tasks, ownership, onRead) => performTasks(tasks, { program, ownership, onRead, signal }),
    onProgress,
  };
}
