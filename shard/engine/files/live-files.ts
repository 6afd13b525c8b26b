import { fileSize } from "../../../shared/storage/file-system.js";
import type { Loads } from "../bulk-load/loads.js";
import type { EngineEnvironment } from "../environment.js";
import type { Tree } from "../version/tree.js";
import type { DurableLog } from "../wal/durable-log.js";
import { listFiles } from "./file-names.js";

/** The files in a shard's folder, and which of them are live. */
export class LiveFiles {
  readonly #environment: EngineEnvironment;
  readonly #tree: Tree;
  readonly #loads: Loads;
  readonly #log: DurableLog;

  constructor(environment: EngineEnvironment, parts: { tree: Tree; loads: Loads; log: DurableLog }) {
    this.#environment = environment;
    this.#tree = parts.tree;
    this.#loads = parts.loads;
    this.#log = parts.log;
  }

  get walSegments(): number {
    return this.#list().filter((file) => file.kind === "wal").length;
  }

  removeOrphanTables(): void {
    const live = this.#tables();
    for (const file of this.#list()) {
      if (file.kind === "table" && !live.has(file.fileNumber)) {
        this.#tree.obsoleteFiles.remove(file.name);
      }
    }
  }

  /** The exact length of every live file, for the manifest of a shard that ends cleanly. */
  sizes(): Record<string, number> {
    const { fileSystem, folder } = this.#environment;
    const sizes: Record<string, number> = {};
    const tables = this.#tables();
    for (const { kind, name, fileNumber } of this.#list()) {
      // Remains of files that could not be made need not be on disk.
      const isLive =
        kind === "table" ? tables.has(fileNumber) : kind !== "wal" || !this.#log.isUnused(fileNumber);
      if (isLive && kind !== "manifest" && kind !== "temporary") {
        sizes[name] = fileSize(fileSystem, `${folder}/${name}`);
      }
    }
    return sizes;
  }

  /** The tables in force, and the tables of bulk loads that may still come into force. */
  #tables(): Set<number> {
    const live = new Set([...this.#tree.version.tables()].map((table) => table.fileNumber));
    for (const id of this.#loads.readyIds()) {
      for (const table of this.#loads.readyLoad(id)!.tables) {
        live.add(table.fileNumber);
      }
    }
    return live;
  }

  #list(): ReturnType<typeof listFiles> {
    return listFiles(this.#environment.fileSystem, this.#environment.folder);
  }
}
