/** What the workloads need of a store. One file beside this one for each store that is compared. */

export type Entry = [key: string, value: unknown];

/** What a store may answer at once or later: the workloads await everything, as a program does. */
export type Awaitable<T> = T | Promise<T>;

export interface Range {
  prefix?: string;
  /** The first key. */
  from?: string;
  /** At most so many entries. */
  limit?: number;
}

export interface StoreOptions {
  folder: string;
  /** How values are given: objects that the store keeps as JSON, or bytes. */
  values: "json" | "binary";
  /** "background": acknowledged when written, synced soon; "sync": acknowledged when synced. */
  durability: "background" | "sync";
  /** False: a cache of decoded or encoded values in this process is off, where the store has one. */
  readCache: boolean;
}

export interface Store {
  put(key: string, value: unknown): Awaitable<unknown>;
  get(key: string): Awaitable<unknown>;
  getMany(keys: string[]): Awaitable<unknown[]>;
  /** Atomic. */
  batch(entries: Entry[]): Awaitable<unknown>;
  /** The store's own way of loading much; without one the workloads use `batch`. */
  bulk?(entries: Iterable<Entry>): Promise<unknown>;
  /** A few entries, as an array; absent where the store has no order. */
  collect?(range: Range): Awaitable<Iterable<Entry>>;
  /** All entries in order, one at a time. */
  walk?(visit: (key: string, value: unknown) => void): Awaitable<void>;
  /** Resolves when everything that was acknowledged is in the store's own structures. */
  drain(): Awaitable<unknown>;
  /** Brings the files into the form that they have when nothing is left to be done in the background. */
  settle(): Awaitable<unknown>;
  /** The processes beside this one. */
  processIds(): Awaitable<number[]>;
  /** What the store itself says on its state, for the report. */
  facts?(): Awaitable<Record<string, number>>;
  close(): Promise<void>;
}

export interface Peer {
  name: string;
  /** The settings and what an acknowledgement means, in a sentence. */
  settings: string;
  /** Undefined: this machine has what it takes; otherwise what is missing. */
  missing(): Promise<string | undefined>;
  open(options: StoreOptions): Promise<Store>;
}

/** The smallest ASCII string behind all that begin with the prefix. */
export function afterPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/** Undefined if the package can be imported, otherwise a sentence. */
export async function importProblem(load: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await load();
    return undefined;
  } catch (error) {
    return `not usable here: ${(error as Error).message.split("\n")[0]}`;
  }
}
