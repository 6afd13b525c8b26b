/**
 * The names, files and space of a simulated disk. Errors are those of Linux behind `NodeFileSystem`: the `action`
 * and the path they name are what that class would say.
 */

import type { Random } from "../random.js";
import { Content } from "./content.js";
import { clonedTree, survivingTree } from "./crash-state.js";
import { systemError } from "./faults.js";
import { EntryJournal, Folder, type Node } from "./folder.js";
import { type Geometry, Inode } from "./inode.js";
import type { CrashMode } from "./simulated-crash.js";

interface Place {
  folder: Folder;
  name: string;
}

export class Tree {
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Grows by one with each change, so that a sync knows what came before it. */
  order = 0;
  readonly #geometry: Geometry;
  #root = new Folder();
  readonly #journal = new EntryJournal();
  #usedBytes = 0;

  constructor(geometry: Geometry) {
    this.#geometry = geometry;
  }

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.#usedBytes);
  }

  set freeBytes(bytes: number) {
    this.capacityBytes = this.#usedBytes + bytes;
  }

  /** The tree that a restart finds; this one is left as it is. */
  afterCrash(mode: CrashMode, random: Random): Tree {
    const next = new Tree(this.#geometry);
    next.order = this.order;
    next.capacityBytes = this.capacityBytes;
    next.#root =
      mode === "keepAll"
        ? clonedTree(this.#root, this.#journal, next.#journal)
        : survivingTree(this.#root, this.#journal, mode, random, this.order);
    for (const [, node] of next.walk()) {
      if (node instanceof Inode) {
        node.names += 1;
        next.#usedBytes += node.names === 1 ? node.sizeBytes : 0;
      }
    }
    return next;
  }

  // Files.

  createFile(path: string): Inode {
    const { folder, name } = this.#place(path, "create");
    if (folder.entries.has(name)) {
      throw systemError("create", path, "EEXIST");
    }
    const inode = new Inode(this.#geometry);
    inode.names = 1;
    this.#journal.change(++this.order, [{ folder, name, node: inode }]);
    return inode;
  }

  file(path: string, action: string): Inode {
    const node = this.#node(path, action);
    if (!(node instanceof Inode)) {
      throw systemError(action, path, node === undefined ? "ENOENT" : "EISDIR");
    }
    return node;
  }

  /** Puts a file in place, durable with its name. */
  install(path: string, content: Uint8Array): void {
    const { folder, name } = this.#place(path, "install");
    const replaced = folder.entries.get(name);
    const inode = new Inode(this.#geometry, new Content(Buffer.from(content)));
    inode.names = 1;
    this.#journal.change(++this.order, [{ folder, name, node: inode }]);
    this.#journal.sync(folder, this.order);
    this.#usedBytes += inode.sizeBytes;
    this.#forgetName(replaced);
  }

  patch(path: string, position: number, bytes: Uint8Array): void {
    const inode = this.file(path, "patch");
    const before = inode.sizeBytes;
    inode.patch(bytes, position);
    this.#usedBytes += inode.sizeBytes - before;
  }

  /** Writes what there is room for, and throws where that is not all. */
  write(path: string, inode: Inode, data: Uint8Array, position: number): void {
    const growth = Math.max(0, position + data.byteLength - inode.sizeBytes);
    const lackingBytes = Math.max(0, growth - this.freeBytes);
    const fitting = data.subarray(0, Math.max(0, data.byteLength - lackingBytes));
    if (fitting.byteLength > 0) {
      const before = inode.sizeBytes;
      inode.write(fitting, position, ++this.order);
      this.#usedBytes += inode.sizeBytes - before;
    }
    if (lackingBytes > 0) {
      throw systemError("write", path, "ENOSPC");
    }
  }

  truncate(inode: Inode, sizeBytes: number): void {
    if (sizeBytes !== inode.sizeBytes) {
      this.#usedBytes += sizeBytes - inode.sizeBytes;
      inode.resize(sizeBytes, ++this.order);
    }
  }

  /** Space is given back when the last name and the last handle are gone. */
  giveBack(inode: Inode): void {
    if (inode.names === 0 && inode.handles === 0) {
      this.#usedBytes -= inode.sizeBytes;
    }
  }

  // Names.

  /** False also where a folder above is missing. */
  exists(path: string, action: string): boolean {
    try {
      return this.#node(path, action) !== undefined;
    } catch (error) {
      if (isMissing(error)) {
        return false;
      }
      throw error;
    }
  }

  rename(from: string, to: string): void {
    const source = this.#place(from, "rename");
    const target = this.#place(to, "rename", from);
    const node = source.folder.entries.get(source.name);
    const replaced = target.folder.entries.get(target.name);
    const refusal = refusalOfRename(node, target.folder, replaced);
    if (refusal !== undefined) {
      throw systemError("rename", from, refusal);
    }
    if (node !== replaced) {
      this.#journal.change(++this.order, [
        { ...target, node },
        { ...source, node: undefined },
      ]);
      this.#forgetName(replaced);
    }
  }

  link(from: string, to: string): void {
    const node = this.#node(from, "link", to);
    const { folder, name } = this.#place(to, "link");
    if (node === undefined) {
      throw systemError("link", to, "ENOENT");
    }
    if (folder.entries.has(name)) {
      throw systemError("link", to, "EEXIST");
    }
    if (node instanceof Folder) {
      throw systemError("link", to, "EPERM");
    }
    node.names += 1;
    this.#journal.change(++this.order, [{ folder, name, node }]);
  }

  removeFile(path: string): void {
    this.#removeEntry("remove", path, (node) => (node instanceof Folder ? "ERR_FS_EISDIR" : undefined));
  }

  // Folders.

  makeFolder(path: string): void {
    const node = this.#node(path, "create folder");
    if (node instanceof Inode) {
      throw systemError("create folder", path, "EEXIST");
    }
    if (node === undefined) {
      const { folder, name } = this.#place(path, "create folder");
      this.#journal.change(++this.order, [{ folder, name, node: new Folder() }]);
    }
  }

  removeFolder(path: string): void {
    this.#removeEntry("remove folder", path, (node) => {
      return node instanceof Inode ? "ENOTDIR" : node.entries.size > 0 ? "ENOTEMPTY" : undefined;
    });
  }

  folder(path: string, action: string): Folder {
    const node = this.#node(path, action);
    if (!(node instanceof Folder)) {
      throw systemError(action, path, node === undefined ? "ENOENT" : "ENOTDIR");
    }
    return node;
  }

  syncFolder(folder: Folder, order: number): void {
    this.#journal.sync(folder, order);
  }

  /** Makes all entries of all folders durable. */
  syncEverything(): void {
    for (const [, node] of [...this.walk(), ["/", this.#root] as const]) {
      if (node instanceof Folder) {
        this.#journal.sync(node, this.order);
      }
    }
  }

  hasUnsyncedEntries(folder: Folder): boolean {
    return [...this.#journal.pending].some(({ parts }) => parts.some((part) => part.folder === folder));
  }

  /** All files and folders but the root, a folder before what it holds. */
  *walk(folder = this.#root, prefix = ""): Generator<readonly [string, Node]> {
    for (const [name, node] of folder.entries) {
      const path = `${prefix}/${name}`;
      yield [path, node];
      if (node instanceof Folder) {
        yield* this.walk(node, path);
      }
    }
  }

  #removeEntry(action: string, path: string, refuse: (node: Node) => string | undefined): void {
    if (!this.exists(path, action)) {
      return;
    }
    const { folder, name } = this.#place(path, action);
    const node = folder.entries.get(name)!;
    const refusal = refuse(node);
    if (refusal !== undefined) {
      throw systemError(action, path, refusal);
    }
    this.#journal.change(++this.order, [{ folder, name, node: undefined }]);
    this.#forgetName(node);
  }

  #forgetName(node: Node | undefined): void {
    if (node instanceof Inode) {
      node.names -= 1;
      this.giveBack(node);
    }
  }

  /** The folder that holds a path's last name. `subject` is the path that an error names. */
  #place(path: string, action: string, subject = path): Place {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const name = names.pop();
    if (name === undefined || name === ".." || names.includes("..")) {
      throw systemError(action, subject, "EINVAL");
    }
    let folder = this.#root;
    for (const parent of names) {
      const node = folder.entries.get(parent);
      if (!(node instanceof Folder)) {
        throw systemError(action, subject, node === undefined ? "ENOENT" : "ENOTDIR");
      }
      folder = node;
    }
    return { folder, name };
  }

  #node(path: string, action: string, subject = path): Node | undefined {
    if (path === "/") {
      return this.#root;
    }
    const { folder, name } = this.#place(path, action, subject);
    return folder.entries.get(name);
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ENOENT";
}

function refusalOfRename(
  node: Node | undefined,
  into: Folder,
  replaced: Node | undefined,
): string | undefined {
  if (node === undefined) {
    return "ENOENT";
  }
  if (node instanceof Folder && holds(node, into)) {
    return "EINVAL";
  }
  if (replaced === undefined || replaced === node) {
    return undefined;
  }
  if (node instanceof Folder) {
    return replaced instanceof Inode ? "ENOTDIR" : replaced.entries.size > 0 ? "ENOTEMPTY" : undefined;
  }
  return replaced instanceof Folder ? "EISDIR" : undefined;
}

function holds(outer: Folder, inner: Folder): boolean {
  return (
    outer === inner ||
    [...outer.entries.values()].some((node) => node instanceof Folder && holds(node, inner))
  );
}
