/** What a piece of work takes in memory, whatever the collector does meanwhile. */

import v8 from "node:v8";
import { runInNewContext } from "node:vm";

/** So much of what is collected while the work runs may be garbage of others, and hide as much of what the work takes. */
const mostGarbageBytes = 32 * 1024 * 1024;

let collect: (() => void) | undefined;

/** Collects all garbage there is, at once. */
export function collectGarbage(): void {
  if (collect === undefined) {
    v8.setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // What the first finds of buffers may be given back, and counted, only at the start of the next.
  collect();
  collect();
}

/** Bytes of the heap and beside it, garbage included. */
function heldBytes(): number {
  const { used_heap_size: heap, external_memory: external } = v8.getHeapStatistics();
  return heap + external;
}

/**
 * Says how much one piece of work after the other has allocated. A collection within takes away what nobody holds any
 * more: of the work that is its own garbage, but also that of what came before. Where there is much of that it is
 * collected first.
 */
export class MemoryMeter {
  /** What was alive when garbage was last collected. */
  #aliveBytes = Number.NEGATIVE_INFINITY;
  #startBytes = 0;

  start(): void {
    if (heldBytes() - this.#aliveBytes > mostGarbageBytes) {
      collectGarbage();
      this.#aliveBytes = heldBytes();
    }
    this.#startBytes = heldBytes();
  }

  /** Bytes since `start`. */
  get tookBytes(): number {
    return heldBytes() - this.#startBytes;
  }
}
