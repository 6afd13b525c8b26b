/**
 * A file of the simulated disk: what reads see, what is surely on disk, and the changes in between.
 *
 * A disk writes pages back whenever it likes. So after a power loss each page is as it was before or after any
 * of the unsynced writes to it, on its own, perhaps torn between two of these at a sector; and the length is any
 * that the file had since, or had while one write was extending it.
 */

import type { Random } from "../random.js";
import { Content } from "./content.js";

export interface Geometry {
  /** What a disk keeps or loses as a whole. */
  pageBytes: number;
  /** Where a page may be torn. */
  sectorBytes: number;
}

/** One write (with `data`) or change of size (without). */
interface Change {
  order: number;
  position: number;
  data: Buffer | undefined;
  sizeBefore: number;
  sizeAfter: number;
}

function apply(content: Content, change: Change): void {
  if (change.data === undefined) {
    content.resize(change.sizeAfter);
  } else {
    content.write(change.data, change.position);
  }
}

export class Inode {
  /** Names and open handles: the space is given back when both are gone. */
  names = 0;
  handles = 0;

  readonly #geometry: Geometry;
  #current: Content;
  #durable: Content;
  #changes: Change[] = [];
  /** Pages of a failed sync: the kernel holds them for clean, though the disk never got them. */
  #stranded = new Set<number>();

  constructor(geometry: Geometry, content = new Content()) {
    this.#geometry = geometry;
    this.#durable = content;
    this.#current = content.share();
  }

  get sizeBytes(): number {
    return this.#current.sizeBytes;
  }

  get isSynced(): boolean {
    return this.#changes.length === 0 && this.#stranded.size === 0;
  }

  read(target: Uint8Array, position: number): number {
    return this.#current.read(target, position);
  }

  bytes(): Buffer {
    return this.#current.copyRange(0, this.#current.sizeBytes);
  }

  write(source: Uint8Array, at: number, order: number): void {
    const sizeBefore = this.sizeBytes;
    let position = at;
    let data: Buffer = Buffer.from(source);
    this.#current.write(data, at);
    if (this.#stranded.size > 0) {
      ({ position, data } = this.#withStrandedPages(position, data));
    }
    this.#changes.push({ order, position, data, sizeBefore, sizeAfter: this.sizeBytes });
  }

  resize(sizeBytes: number, order: number): void {
    const sizeBefore = this.sizeBytes;
    this.#current.resize(sizeBytes);
    this.#changes.push({ order, position: sizeBytes, data: undefined, sizeBefore, sizeAfter: sizeBytes });
  }

  /** Makes durable what changed up to `order`. */
  sync(order: number): void {
    let done = 0;
    for (const change of this.#changes) {
      if (change.order > order) {
        break;
      }
      apply(this.#durable, change);
      done += 1;
    }
    this.#changes.splice(0, done);
    if (this.#changes.length === 0 && this.#durable.sizeBytes !== this.sizeBytes) {
      this.#durable.resize(this.sizeBytes);
    }
  }

  /**
   * A sync that fails: the pages count as clean from now on, so no later sync writes them unless a later write
   * dirties them again. Reads still see them.
   */
  failSync(): void {
    for (const page of this.#pagesChanged().keys()) {
      this.#stranded.add(page);
    }
    this.#changes = [];
  }

  /** Replaces bytes on disk and in memory, as bit rot or a test's hand does. */
  patch(data: Uint8Array, position: number): void {
    this.#current.write(data, position);
    this.#durable.write(data, position);
  }

  /** The file in another process's world after kill -9: nothing lost, nothing synced. */
  clone(): Inode {
    const copy = new Inode(this.#geometry);
    copy.#current = this.#current.share();
    copy.#durable = this.#durable.share();
    copy.#changes = this.#changes.slice();
    copy.#stranded = new Set(this.#stranded);
    return copy;
  }

  /** The file as of the change `order`, or as of the last sync where that is later. */
  afterPrefix(order: number): Inode {
    const content = this.#durable.share();
    for (const change of this.#changes) {
      if (change.order <= order) {
        apply(content, change);
      }
    }
    return new Inode(this.#geometry, content);
  }

  /** The file after a power loss that kept any part of what was not synced. */
  afterPowerLoss(random: Random): Inode {
    if (this.#changes.length === 0) {
      return new Inode(this.#geometry, this.#durable.share());
    }
    const { pageBytes } = this.#geometry;
    const bytes = Buffer.alloc(this.#survivingSize(random));
    this.#durable.read(bytes, 0);
    const appetite = random.pick([0, 0.2, 0.5, 0.8, 1]);
    for (const [page, changes] of this.#pagesChanged()) {
      const start = page * pageBytes;
      if (start < bytes.length) {
        const survivor = this.#survivingPage(random, appetite, page, changes);
        bytes.set(survivor.subarray(0, Math.min(pageBytes, bytes.length - start)), start);
      }
    }
    return new Inode(this.#geometry, new Content(bytes));
  }

  #survivingSize(random: Random): number {
    const kept = random.chance(0.5) ? this.#changes.length : random.int(this.#changes.length + 1);
    const last = this.#changes[kept - 1];
    if (last === undefined) {
      return this.#durable.sizeBytes;
    }
    const { pageBytes } = this.#geometry;
    const firstPage = Math.floor(last.sizeBefore / pageBytes) + 1;
    const lastPage = Math.ceil(last.sizeAfter / pageBytes) - 1;
    if (firstPage <= lastPage && random.chance(0.3)) {
      return random.between(firstPage, lastPage) * pageBytes;
    }
    return last.sizeAfter;
  }

  #survivingPage(random: Random, appetite: number, page: number, changes: Change[]): Buffer {
    const choose = (): number => {
      if (random.chance(appetite)) {
        return changes.length;
      }
      return random.chance(0.5) ? 0 : random.int(changes.length + 1);
    };
    const survivor = this.#pageAfter(page, changes, choose());
    const sectors = this.#geometry.pageBytes / this.#geometry.sectorBytes;
    if (sectors > 1 && random.chance(0.2)) {
      const tear = random.between(1, sectors - 1) * this.#geometry.sectorBytes;
      this.#pageAfter(page, changes, choose()).copy(survivor, tear, tear);
    }
    return survivor;
  }

  /** A page as the first `count` of the changes to it left it. */
  #pageAfter(page: number, changes: Change[], count: number): Buffer {
    const { pageBytes } = this.#geometry;
    const start = page * pageBytes;
    const bytes = Buffer.alloc(pageBytes);
    this.#durable.read(bytes, start);
    for (const { data, position } of changes.slice(0, count)) {
      const from = Math.max(position, start);
      if (data === undefined) {
        bytes.fill(0, from - start);
      } else {
        const until = Math.min(position + data.length, start + pageBytes);
        data.copy(bytes, from - start, from - position, until - position);
      }
    }
    return bytes;
  }

  #pagesChanged(): Map<number, Change[]> {
    const { pageBytes } = this.#geometry;
    const pages = new Map<number, Change[]>();
    for (const change of this.#changes) {
      const end = change.data === undefined ? change.sizeBefore : change.position + change.data.length;
      for (let page = Math.floor(change.position / pageBytes); page * pageBytes < end; page += 1) {
        const changes = pages.get(page);
        if (changes === undefined) {
          pages.set(page, [change]);
        } else {
          changes.push(change);
        }
      }
    }
    return pages;
  }

  /** A write to a stranded page takes the whole page along to the disk. */
  #withStrandedPages(position: number, data: Buffer): { position: number; data: Buffer } {
    const { pageBytes } = this.#geometry;
    const first = Math.floor(position / pageBytes);
    const last = Math.floor((position + data.length - 1) / pageBytes);
    let freed = false;
    for (let page = first; page <= last; page += 1) {
      freed = this.#stranded.delete(page) || freed;
    }
    if (!freed) {
      return { position, data };
    }
    const start = first * pageBytes;
    return { position: start, data: this.#current.copyRange(start, (last + 1) * pageBytes) };
  }
}
