/**
 * Folders of the simulated disk: the entries that lookups see, those that are surely on disk, and the changes in
 * between. A change (a creation, removal, link or rename) is atomic. After a power loss any of the unsynced
 * changes may be there without the others, but for one rule: a change to a name comes with the earlier changes to
 * that name, so that a rename over a file never leaves neither the old nor the new one.
 */

import type { Inode } from "./inode.js";

export type Node = Inode | Folder;

interface Part {
  folder: Folder;
  name: string;
  /** What the name stands for from now on; undefined: nothing. */
  node: Node | undefined;
}

export interface EntryChange {
  readonly order: number;
  readonly parts: readonly Part[];
  /** Earlier unsynced changes to the same names. */
  readonly after: readonly EntryChange[];
}

export class Folder {
  entries = new Map<string, Node>();
  durable = new Map<string, Node>();
  /** The last unsynced change to a name. */
  readonly latest = new Map<string, EntryChange>();
}

export function setEntry(entries: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) {
    entries.delete(name);
  } else {
    entries.set(name, node);
  }
}

/** All unsynced changes of a disk, in the order they were made. */
export class EntryJournal {
  readonly #pending = new Set<EntryChange>();

  get pending(): ReadonlySet<EntryChange> {
    return this.#pending;
  }

  change(order: number, parts: readonly Part[]): void {
    const after: EntryChange[] = [];
    for (const { folder, name } of parts) {
      const earlier = folder.latest.get(name);
      if (earlier !== undefined) {
        after.push(earlier);
      }
    }
    const change = { order, parts, after };
    this.#pending.add(change);
    for (const { folder, name, node } of parts) {
      folder.latest.set(name, change);
      setEntry(folder.entries, name, node);
    }
  }

  /** Makes durable what happened in a folder up to `order`. */
  sync(folder: Folder, order: number): void {
    const kept = new Set<EntryChange>();
    for (const change of this.#pending) {
      if (change.order <= order && change.parts.some((part) => part.folder === folder)) {
        this.addWithEarlier(change, kept);
      }
    }
    for (const change of this.#pending) {
      if (kept.has(change)) {
        this.#settle(change);
      }
    }
  }

  /** Adds a change and the unsynced changes that it cannot be without. */
  addWithEarlier(change: EntryChange, kept: Set<EntryChange>): void {
    const todo = [change];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (this.#pending.has(next) && !kept.has(next)) {
        kept.add(next);
        todo.push(...next.after);
      }
    }
  }

  #settle(change: EntryChange): void {
    this.#pending.delete(change);
    for (const { folder, name, node } of change.parts) {
      setEntry(folder.durable, name, node);
      if (folder.latest.get(name) === change) {
        folder.latest.delete(name);
      }
    }
  }
}
