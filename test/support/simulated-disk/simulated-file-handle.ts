import type { FileHandle } from "../../../shared/storage/file-system.js";
import type { CallGate, Mutation } from "./call-gate.js";
import { systemError } from "./faults.js";
import type { Inode } from "./inode.js";
import type { Tree } from "./tree.js";

/**
 * An open file. An async call reads the caller's buffer and looks whether the handle is still open only when it
 * takes effect, as a thread pool does.
 */
export class SimulatedFileHandle implements FileHandle {
  readonly path: string;
  readonly #inode: Inode;
  readonly #writable: boolean;
  readonly #tree: Tree;
  readonly #gate: CallGate;
  #open = true;

  constructor(path: string, inode: Inode, writable: boolean, tree: Tree, gate: CallGate) {
    this.path = path;
    this.#inode = inode;
    this.#writable = writable;
    this.#tree = tree;
    this.#gate = gate;
    inode.handles += 1;
  }

  write(data: Uint8Array, position: number): void {
    if (data.byteLength > 0) {
      this.#gate.mutate(this.#writing(data, position));
    }
  }

  async writeAsync(data: Uint8Array, position: number): Promise<void> {
    if (data.byteLength > 0) {
      await this.#gate.mutateLater(this.#writing(data, position));
    }
  }

  read(target: Uint8Array, position: number): number {
    const call = { operation: "read", path: this.path, position, bytes: target.byteLength } as const;
    return this.#gate.observe(call, "read", () => {
      if (target.byteLength === 0) {
        return 0;
      }
      this.#check("read");
      return this.#inode.read(target, position);
    });
  }

  sizeBytes(): number {
    return this.#gate.observe({ operation: "size", path: this.path }, "stat", () => {
      this.#check("stat");
      return this.#inode.sizeBytes;
    });
  }

  truncate(sizeBytes: number): void {
    this.#gate.mutate({
      call: { operation: "truncate", path: this.path, position: sizeBytes },
      action: "truncate",
      effect: () => {
        this.#check("truncate", this.#writable ? undefined : "EINVAL");
        this.#tree.truncate(this.#inode, Math.max(0, sizeBytes));
      },
    });
  }

  sync(): void {
    this.#gate.mutate(this.#syncing(() => this.#tree.order));
  }

  /** Makes durable what was written when it was called; what is written while it runs, it may miss. */
  async syncAsync(): Promise<void> {
    const order = this.#tree.order;
    await this.#gate.mutateLater(this.#syncing(() => order));
  }

  close(): void {
    this.#gate.observe({ operation: "close", path: this.path }, "close", () => {
      this.#check("close");
      this.#open = false;
      this.#inode.handles -= 1;
      this.#tree.giveBack(this.#inode);
    });
  }

  #writing(data: Uint8Array, position: number): Mutation<void> {
    const write = (part: Uint8Array): void => {
      this.#check("write", this.#writable ? undefined : "EBADF");
      this.#tree.write(this.path, this.#inode, part, position);
    };
    return {
      call: { operation: "write", path: this.path, position, bytes: data.byteLength },
      action: "write",
      effect: () => write(data),
      writeBytes: data.byteLength,
      writePart: (bytes) => write(data.subarray(0, bytes)),
    };
  }

  #syncing(order: () => number): Mutation<void> {
    return {
      call: { operation: "sync", path: this.path },
      action: "sync",
      effect: () => {
        this.#check("sync");
        this.#inode.sync(order());
      },
      onFault: () => this.#inode.failSync(),
    };
  }

  #check(action: string, refusal?: string): void {
    const code = this.#open ? refusal : "EBADF";
    if (code !== undefined) {
      throw systemError(action, this.path, code);
    }
  }
}
