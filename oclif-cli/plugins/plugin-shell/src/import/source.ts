/** A store that is imported: opened once, counted, read once from beginning to end, closed. */

/** A key and a value in one of the forms that can be loaded; see source-value.ts. */
export interface SourceEntry {
  key: Uint8Array;
  value: SourceValue;
}

/**
 * - `bytes`: taken as they are.
 * - `json`: any value that JSON can represent.
 * - `structured`: a value that JSON would change, such as a BigInt.
 * - `msgpack`: a value returned by a msgpack decoder.
 */
export type SourceValue =
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "json" | "structured" | "msgpack"; value: unknown };

export interface Source {
  /** Counts the entries at the same moment as `groups` but independently of it. */
  count(): Promise<number>;
  /**
   * Returns each key once, in groups of a few hundred kilobytes.
   *
   * @throws CommandFailure if the source is damaged, was changed meanwhile, or holds something that cannot be imported
   */
  groups(): AsyncIterable<SourceEntry[]> | Iterable<SourceEntry[]>;
  close(): Promise<void>;
}

/** A group has about this many bytes, or this many entries. */
export const groupBytes = 256 * 1024;
export const groupEntries = 4096;

/** Collects entries into groups. */
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

/** How many bytes a value counts for if it is not bytes, because its size is not known. */
const textBytes = 256;
