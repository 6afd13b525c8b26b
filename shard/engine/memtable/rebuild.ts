import { OperationReader, operationKind } from "../../../shared/format/operations.js";
import { Arena, type SharedArena } from "./arena.js";
import { Memtable } from "./memtable.js";
import type { ArenaSection } from "./section-index.js";

/** A worker's view of a sealed memtable: the same arena, without a copy, indexed again with every version. */
export function rebuildMemtable(shared: SharedArena): Memtable {
  // A worker has time: one sort of everything is faster than a merge of many runs.
  const runKeys = Number.POSITIVE_INFINITY;
  const memtable = new Memtable(0, { expectedBytes: 0, arena: Arena.attach(shared), runKeys });
  for (const section of memtable.arena.sections) {
    addAll(memtable, section);
  }
  return memtable;
}

function addAll(memtable: Memtable, section: ArenaSection): void {
  const reader = new OperationReader(memtable.arena.buffer(section.chunk), section.start, section.end);
  while (reader.next()) {
    if (reader.kind === operationKind.put || reader.kind === operationKind.delete) {
      memtable.add(reader, section, section.firstSequence + reader.sequenceDelta, keepAll);
    }
  }
}

const keepAll = (): boolean => true;
