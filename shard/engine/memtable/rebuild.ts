import { OperationReader, operationKind } from "../../../shared/format/operations.js";
import { Arena, type ArenaSection, type SharedArena } from "./arena.js";
import { Memtable } from "./memtable.js";

/** A worker's view of a sealed memtable: the same arena, without a copy, indexed anew with every version. */
export function rebuildMemtable(shared: SharedArena): Memtable {
  const memtable = new Memtable(0, 0, Arena.attach(shared));
  for (const section of shared.sections) {
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
