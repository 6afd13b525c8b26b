/** A store that is read: opened once, counted, read once from its beginning to its end, closed. */

/** Key and value, with the value in one of the forms that can be loaded; see source-value.ts. */
export interface SourceEntry {
  key: Uint8Array;
  value: SourceValue;
}

/**
 * - `bytes`: taken as they are.
 * - `json`: any value that JSON has.
 * - `structured`: what JSON would change, such as a BigInt.
 * - `msgpack`: what a msgpack decoder gave.
 */
export type SourceValue =
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "json" | "structured" | "msgpack"; value: unknown };

export interface Source {
  /** Counts the entries in a way that is independent of `groups`, but of the same moment. */
  count(): Promise<number>;
  /**
   * Each key once, in pieces of some hundred kilobytes.
   *
   * @throws CommandFailure where the source is damaged, changed meanwhile, or holds what cannot be taken
   */
  groups(): AsyncIterable<SourceEntry[]> | Iterable<SourceEntry[]>;
  close(): Promise<void>;
}

/** A piece of entries has about this many bytes, or this many entries. */
export const groupBytes = 256 * 1024;
export const groupEntries = 4096;

/** Gathers entries into pieces. */
export function* grouped(entries: Iterable<SourceEntry>): Generator<SourceEntry[]> {
  let group: SourceEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    group.push(entry);
    bytes += entry.key.length + (entry.value.kind === "bytes" ? entry.value.bytes.length : textBytes);
    if (bytes >= groupBytes || group.length >= groupEntries) {
      yield group;
      group = [];
      bytes = 0;
    }
  }
  if (group.length > 0) {
    yield group;
  }
}

/** What a value that is no bytes counts for, where its size is not known. */
const textBytes = 256;
