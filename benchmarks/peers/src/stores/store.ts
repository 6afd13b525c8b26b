/** What the workloads need from a store. This folder has one file for each store that is compared. */

export type Entry = [key: string, value: unknown];

/** A store may answer synchronously or later; the workloads await everything, as a program does. */
export type Awaitable<T> = T | Promise<T>;

export interface Range {
  prefix?: string;
  /** The first key. */
  from?: string;
  /** The greatest number of entries. */
  limit?: number;
}

export interface StoreOptions {
  folder: string;
  /** The form of the values: objects that the store keeps as JSON, or bytes. */
  values: "json" | "binary";
  /** "background": acknowledged when written, synced soon; "sync": acknowledged when synced. */
  durability: "background" | "sync";
  /** False turns off a cache of decoded or encoded values in this process, if the store has one. */
  readCache: boolean;
}

export interface Store {
  put(key: string, value: unknown): Awaitable<unknown>;
  get(key: string): Awaitable<unknown>;
  getMany(keys: string[]): Awaitable<unknown[]>;
  /** Atomic. */
  batch(entries: Entry[]): Awaitable<unknown>;
  /** The store's own bulk load; without one the workloads use `batch`. */
  bulk?(entries: Iterable<Entry>): Promise<unknown>;
  /** A few entries, as an array; absent if the store has no order. */
  collect?(range: Range): Awaitable<Iterable<Entry>>;
  /** All entries in order, one at a time. */
  walk?(visit: (key: string, value: unknown) => void): Awaitable<void>;
  /** Resolves when everything that was acknowledged is in the store's own structures. */
  drain(): Awaitable<unknown>;
  /** Brings the files into the state in which no background work is left. */
  settle(): Awaitable<unknown>;
  /** The store's processes other than this one. */
  processIds(): Awaitable<number[]>;
  /** What the store reports about its state, for the report. */
  facts?(): Awaitable<Record<string, number>>;
  close(): Promise<void>;
}

export interface Peer {
  name: string;
  /** The settings and what an acknowledgement means, in a sentence. */
  settings: string;
  /** V8's heap limit for the process that uses the store, in MiB. @default Node's */
  heapMiB?: number;
  /** The store's own caches hold all records: they are filled with all of them before they are measured. */
  holdsAll?: boolean;
  /** Undefined if this machine has everything that the peer needs; otherwise what is missing. */
  missing(): Promise<string | undefined>;
  open(options: StoreOptions): Promise<Store>;
}

/** The smallest ASCII string after all those that begin with the prefix. */
export function afterPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/** Undefined if the package can be imported, otherwise a sentence that says why not. */
export async function importProblem(load: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await load();
    return undefined;
  } catch (error) {
    return `not usable here: ${(error as Error).message.split("\n")[0]}`;
  }
}
