/** What a crash leaves of a tree of folders and files. */

import type { Random } from "../random.js";
import { type EntryChange, type EntryJournal, Folder, type Node, setEntry } from "./folder.js";
import { Inode } from "./inode.js";
import type { CrashMode } from "./simulated-crash.js";

/** The tree after a crash, made of new nodes: the old disk and the new one share nothing that can change. */
export function survivingTree(
  root: Folder,
  journal: EntryJournal,
  mode: Exclude<CrashMode, "keepAll">,
  random: Random,
  lastOrder: number,
): Folder {
  const until = mode === "prefix" ? random.int(lastOrder + 1) : 0;
  const kept = keptChanges(journal, mode, random, until);
  const entriesOf = new Map<Folder, Map<string, Node>>();
  for (const change of journal.pending) {
    if (kept.has(change)) {
      for (const { folder, name, node } of change.parts) {
        const entries = entriesOf.get(folder) ?? new Map(folder.durable);
        entriesOf.set(folder, entries);
        setEntry(entries, name, node);
      }
    }
  }
  const survivors = new Map<Node, Node>();
  const survive = (node: Node): Node => {
    const known = survivors.get(node);
    if (known !== undefined) {
      return known;
    }
    if (node instanceof Inode) {
      const inode =
        mode === "any"
          ? node.afterPowerLoss(random)
          : node.afterPrefix(mode === "prefix" ? until : Number.NEGATIVE_INFINITY);
      survivors.set(node, inode);
      return inode;
    }
    const folder = new Folder();
    survivors.set(node, folder);
    for (const [name, entry] of entriesOf.get(node) ?? node.durable) {
      const survivor = survive(entry);
      folder.entries.set(name, survivor);
      folder.durable.set(name, survivor);
    }
    return folder;
  };
  return survive(root) as Folder;
}

function keptChanges(
  journal: EntryJournal,
  mode: CrashMode,
  random: Random,
  until: number,
): Set<EntryChange> {
  const kept = new Set<EntryChange>();
  if (mode === "dropAll") {
    return kept;
  }
  const appetite = random.pick([0, 0.2, 0.5, 0.8, 1]);
  for (const change of journal.pending) {
    if (mode === "prefix" ? change.order <= until : random.chance(appetite)) {
      journal.addWithEarlier(change, kept);
    }
  }
  return kept;
}

/** The tree as a killed process leaves it: nothing is lost, and what was not synced still is not. */
export function clonedTree(root: Folder, journal: EntryJournal, cloned: EntryJournal): Folder {
  const clones = new Map<Node, Node>();
  const clone = (node: Node): Node => {
    const known = clones.get(node);
    if (known !== undefined) {
      return known;
    }
    if (node instanceof Inode) {
      const inode = node.clone();
      clones.set(node, inode);
      return inode;
    }
    const folder = new Folder();
    clones.set(node, folder);
    for (const [name, entry] of node.durable) {
      folder.durable.set(name, clone(entry));
    }
    for (const [name, entry] of node.entries) {
      folder.entries.set(name, clone(entry));
    }
    return folder;
  };
  const copy = clone(root) as Folder;
  for (const { order, parts } of journal.pending) {
    // Made again in order, the changes end in the entries that were cloned above.
    cloned.change(
      order,
      parts.map((part) => ({
        folder: clone(part.folder) as Folder,
        name: part.name,
        node: part.node === undefined ? undefined : clone(part.node),
      })),
    );
  }
  return copy;
}
