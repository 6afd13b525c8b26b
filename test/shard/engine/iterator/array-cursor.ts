import type { Cursor } from "../../../../shard/engine/iterator/cursor.js";
import { newEntry } from "../../../../shard/engine/read-path/reads.js";
import type { ModelEntry } from "../table/support.js";

/** A cursor over an array that is in order. It refuses to be moved while it stands on nothing. */
export class ArrayCursor implements Cursor {
  valid = false;
  key = "";
  sequence = 0;
  kind: Cursor["kind"];
  tag = 0;
  expiresAt = 0;
  valueBuffer: Buffer;
  valueStart = 0;
  valueEnd = 0;
  readonly #entries: readonly ModelEntry[];
  #at = -1;

  constructor(entries: readonly ModelEntry[]) {
    this.#entries = entries;
    const { kind, valueBuffer } = newEntry();
    this.kind = kind;
    this.valueBuffer = valueBuffer;
  }

  seekToFirst(): void {
    this.#standAt(0);
  }

  seekToLast(): void {
    this.#standAt(this.#entries.length - 1);
  }

  seek(target: string): void {
    this.#standAt(this.#entries.filter(({ key }) => key < target).length);
  }

  seekBefore(target: string): void {
    this.#standAt(this.#entries.filter(({ key }) => key < target).length - 1);
  }

  next(): void {
    this.#move(1);
  }

  prev(): void {
    this.#move(-1);
  }

  #move(by: number): void {
    if (!this.valid) {
      throw new Error("A cursor that stands on nothing was moved");
    }
    this.#standAt(this.#at + by);
  }

  #standAt(at: number): void {
    const entry = this.#entries[at];
    this.#at = at;
    this.valid = entry !== undefined;
    if (entry !== undefined) {
      const { value, ...rest } = entry;
      Object.assign(this, rest);
      this.valueBuffer = Buffer.from(`<${value}>`, "latin1");
      this.valueStart = 1;
      this.valueEnd = this.valueBuffer.length - 1;
    }
  }
}
