/**
 * A file system in memory that forgets, on `crash`, what was not synced: a model of all that a POSIX file system
 * may keep after a power loss (simulated-disk/inode.ts for contents, simulated-disk/folder.ts for names), not of a
 * particular one. It forgets more than ext4 or XFS do, so what survives here survives there. Seeded, so that a
 * failure can be run again.
 *
 * It also breaks on order: a crash at the n-th mutating call, errors of chosen calls, a disk that is full.
 * Otherwise it behaves as `NodeFileSystem`, and one contract is tested against both. Three differences: a folder
 * cannot be opened as a file, `syncFolder` refuses a file, and paths know no `..` and no symbolic links.
 */

import type { FileHandle, FileSystem } from "../../shared/storage/file-system.js";
import type { Random } from "./random.js";
import { CallGate } from "./simulated-disk/call-gate.js";
import {
  type CallCount,
  CallRecorder,
  type DiskCall,
  type DiskOperation,
} from "./simulated-disk/call-recorder.js";
import type { CallMatcher, Fault, InjectedError } from "./simulated-disk/faults.js";
import { Inode } from "./simulated-disk/inode.js";
import type { CrashMode } from "./simulated-disk/simulated-crash.js";
import { SimulatedFileHandle } from "./simulated-disk/simulated-file-handle.js";
import { Tree } from "./simulated-disk/tree.js";

export type { CallCount, DiskCall, DiskOperation } from "./simulated-disk/call-recorder.js";
export type { CallMatcher, Fault, InjectedError } from "./simulated-disk/faults.js";
export { type CrashMode, SimulatedCrash } from "./simulated-disk/simulated-crash.js";

export interface SimulatedFileSystemOptions {
  /** Draws where a crash strikes within a call, how much a failing write writes, and how long async calls take. */
  random: Random;
  /** @default 4096 */
  pageBytes?: number;
  /** Where a page may be torn. @default 512 */
  sectorBytes?: number;
  /** Async calls take effect after 1 to this many turns of the event loop; 0: in a microtask. @default 1 */
  maxAsyncTurns?: number;
  /** Folders that exist from the start, parents first; "/" always does. @default [] */
  folders?: readonly string[];
}

export class SimulatedFileSystem implements FileSystem {
  readonly #options: Required<SimulatedFileSystemOptions>;
  readonly #gate: CallGate;
  #tree: Tree;

  constructor(options: SimulatedFileSystemOptions, recorder = new CallRecorder()) {
    this.#options = { pageBytes: 4096, sectorBytes: 512, maxAsyncTurns: 1, folders: [], ...options };
    const { random, pageBytes, sectorBytes, maxAsyncTurns, folders } = this.#options;
    if (pageBytes % sectorBytes !== 0) {
      throw new Error("A page must be a whole number of sectors");
    }
    this.#gate = new CallGate(random, maxAsyncTurns, recorder);
    this.#tree = new Tree({ pageBytes, sectorBytes });
    for (const path of folders) {
      this.#tree.makeFolder(path);
      this.#tree.syncEverything();
    }
  }

  // Crashes and faults.

  /** Mutating calls so far: run a scenario once, then crash it at 1 to this many. */
  get mutations(): number {
    return this.#gate.mutations;
  }

  /** Mutating calls until the crash: 1 means the next one. Undefined: none is planned. */
  get operationsUntilCrash(): number | undefined {
    return this.#gate.operationsUntilCrash;
  }

  set operationsUntilCrash(count: number | undefined) {
    this.#gate.operationsUntilCrash = count;
  }

  /** Told of each mutating call before it happens: the last one before a crash is the one that it struck. */
  set onMutation(watch: ((call: DiskCall) => void) | undefined) {
    this.#gate.onMutation = watch;
  }

  get hasCrashed(): boolean {
    return this.#gate.hasCrashed;
  }

  /** From now on every call throws `SimulatedCrash`; async calls under way reject with it. */
  halt(reason = "halted by the test"): void {
    this.#gate.halt(reason);
  }

  /**
   * Halts this disk and returns what a restart finds. May be called many times, for many outcomes of one crash.
   * The new disk has no faults and no planned crash; its capacity is the old one's.
   */
  crash(random: Random = this.#options.random, mode: CrashMode = "any"): SimulatedFileSystem {
    this.#gate.halt(`mode ${mode}`);
    const options = { ...this.#options, random: random.fork(), folders: [] };
    const next = new SimulatedFileSystem(options, this.#gate.recorder.continueTrace());
    next.#tree = this.#tree.afterCrash(mode, random);
    return next;
  }

  /**
   * Makes a coming call fail. A failing write writes a part first; a failing sync leaves its pages clean but not on
   * disk, so that a second sync "succeeds" without them; any other call fails before it does anything.
   */
  failNext(matcher: CallMatcher, error: InjectedError): Fault {
    return this.#gate.failNext(matcher, error);
  }

  /** No faults, no planned crash, room without end. */
  clearFaults(): void {
    this.#gate.clearFaults();
    this.setFreeBytes(undefined);
  }

  /** From now on files may grow by so many bytes in total (removing and truncating gives back). */
  setFreeBytes(bytes: number | undefined): void {
    this.#tree.freeBytes = bytes ?? Number.POSITIVE_INFINITY;
  }

  // What a test looks at. None of these count as calls, and they work on a halted disk too.

  /** How often an operation was called, on paths that match. */
  count(operation: DiskOperation, path: RegExp | string = ""): number {
    const isMeant = (name: string): boolean =>
      typeof path === "string" ? name.includes(path) : path.test(name);
    return this.counts()
      .filter((entry) => entry.operation === operation && isMeant(entry.path))
      .reduce((sum, entry) => sum + entry.count, 0);
  }

  counts(): CallCount[] {
    return this.#gate.recorder.counts();
  }

  /** The last calls, those before a crash included, one a line. */
  trace(): string {
    return this.#gate.recorder.trace().join("\n");
  }

  /** Paths of all files, sorted, as lookups see them. */
  files(): string[] {
    return [...this.#tree.walk()].flatMap(([path, node]) => (node instanceof Inode ? [path] : [])).sort();
  }

  /** Paths with unsynced changes: files for their contents, folders for their entries. */
  unsynced(): string[] {
    return [...this.#tree.walk(), ["/", this.#tree.folder("/", "open folder")] as const]
      .filter(([, node]) => (node instanceof Inode ? !node.isSynced : this.#tree.hasUnsyncedEntries(node)))
      .map(([path]) => path)
      .sort();
  }

  contentOf(path: string): Buffer {
    return this.#tree.file(path, "look at").bytes();
  }

  /** Replaces bytes of a file on disk and in memory, as bit rot does; behind its end it grows. */
  patch(path: string, position: number, bytes: Uint8Array): void {
    this.#tree.patch(path, position, bytes);
  }

  /** Puts a file in place, or in another's place, durable with its name. */
  install(path: string, content: Uint8Array): void {
    this.#tree.install(path, content);
  }

  // The FileSystem itself.

  create(path: string): FileHandle {
    return this.#gate.mutate({
      call: { operation: "create", path },
      action: "create",
      effect: () => this.#handle(path, this.#tree.createFile(path), true),
    });
  }

  open(path: string, mode: "read" | "update"): FileHandle {
    return this.#gate.observe({ operation: "open", path }, "open", () => {
      return this.#handle(path, this.#tree.file(path, "open"), mode === "update");
    });
  }

  exists(path: string): boolean {
    return this.#gate.observe({ operation: "exists", path }, "look up", () => {
      return this.#tree.exists(path, "look up");
    });
  }

  list(folder: string): string[] {
    return this.#gate.observe({ operation: "list", path: folder }, "list", () => {
      return [...this.#tree.folder(folder, "list").entries.keys()].sort();
    });
  }

  makeFolder(path: string): void {
    this.#gate.mutate({
      call: { operation: "makeFolder", path },
      action: "create folder",
      effect: () => this.#tree.makeFolder(path),
    });
  }

  rename(from: string, to: string): void {
    this.#gate.mutate({
      call: { operation: "rename", path: to, from },
      action: "rename",
      effect: () => this.#tree.rename(from, to),
    });
  }

  link(from: string, to: string): void {
    this.#gate.mutate({
      call: { operation: "link", path: to, from },
      action: "link",
      effect: () => this.#tree.link(from, to),
    });
  }

  remove(path: string): void {
    this.#gate.mutate({
      call: { operation: "remove", path },
      action: "remove",
      effect: () => this.#tree.removeFile(path),
    });
  }

  async removeAsync(path: string): Promise<void> {
    await this.#gate.mutateLater({
      call: { operation: "remove", path },
      action: "remove",
      effect: () => this.#tree.removeFile(path),
    });
  }

  removeFolder(path: string): void {
    this.#gate.mutate({
      call: { operation: "removeFolder", path },
      action: "remove folder",
      effect: () => this.#tree.removeFolder(path),
    });
  }

  syncFolder(path: string): void {
    this.#gate.mutate({
      call: { operation: "syncFolder", path },
      action: "sync folder",
      effect: () => this.#tree.syncFolder(this.#tree.folder(path, "open folder"), this.#tree.order),
    });
  }

  async syncFolderAsync(path: string): Promise<void> {
    this.#gate.checkAlive();
    const folder = this.#tree.folder(path, "open folder");
    const order = this.#tree.order;
    await this.#gate.mutateLater({
      call: { operation: "syncFolder", path },
      action: "sync folder",
      effect: () => this.#tree.syncFolder(folder, order),
    });
  }

  #handle(path: string, inode: Inode, writable: boolean): FileHandle {
    return new SimulatedFileHandle(path, inode, writable, this.#tree, this.#gate);
  }
}
