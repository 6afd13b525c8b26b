import { checkNames, invalidOption } from "../options.js";
import { checkSignal } from "../scan-request.js";
import { defaultMaintenanceModule, type MaintenanceProgram } from "./maintenance-process.js";

export interface MaintenanceProgress {
  /** Bytes of files that were read. */
  doneBytes: number;
  /** Bytes of all files of the shards. */
  totalBytes: number;
}

/** For `verify` and `repair`. */
export interface MaintenanceOptions {
  onProgress?: ((progress: MaintenanceProgress) => void) | undefined;
  /** Ends the work: the call rejects with `FASTKV_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** The program that does the work. @default process.execPath */
  execPath?: string | undefined;
  /** Node options of that program. @default [] */
  execArgv?: readonly string[] | undefined;
  /** The module that it runs: for bundlers, which move it. @default the one in this package */
  maintenanceModule?: URL | undefined;
}

const names = ["onProgress", "signal", "execPath", "execArgv", "maintenanceModule"];

export interface CheckedMaintenance {
  program: MaintenanceProgram;
  onProgress: (progress: MaintenanceProgress) => void;
  signal: AbortSignal | undefined;
}

/** @throws FastKVError `FASTKV_INVALID_OPTION` */
export function checkMaintenance(call: string, options: MaintenanceOptions): CheckedMaintenance {
  checkNames(call, options, names);
  const { onProgress = () => undefined, signal, execPath = process.execPath, execArgv = [] } = options;
  const { maintenanceModule = defaultMaintenanceModule } = options;
  checkSignal(signal);
  if (typeof onProgress !== "function") {
    throw invalidOption("Option onProgress must be a function");
  }
  if (typeof execPath !== "string" || !Array.isArray(execArgv)) {
    throw invalidOption("Option execPath must be a string, execArgv an array of strings");
  }
  if (!(maintenanceModule instanceof URL)) {
    throw invalidOption('Option maintenanceModule must be a URL such as new URL("./m.js", import.meta.url)');
  }
  return { program: { module: maintenanceModule, execPath, execArgv }, onProgress, signal };
}
