import type { ByteString } from "../../shared/bytes.js";
import type { KeptPage } from "./kept-page.js";

/** A block with more pages is split. */
const mostInBlock = 512;

interface Place {
  /** Index of the block. */
  block: number;
  /** Index of the page in its block; -1 means before all pages. */
  at: number;
}

/**
 * Non-overlapping pages in the order of their first keys. They are stored in blocks, so that adding or removing a page
 * moves few others, however many there are.
 */
export class PageList {
  /** No block is empty, except the first if there are no pages. */
  #blocks: KeptPage[][] = [[]];

  /** Returns the last page that begins at or before a key. */
  floor(key: ByteString): KeptPage | undefined {
    return this.#pageAt(this.#floorPlace(key));
  }

  /** Yields the last page that begins at or before a key, and those after it. The list must not change meanwhile. */
  *upFrom(key: ByteString): Generator<KeptPage, undefined, undefined> {
    const place = this.#floorPlace(key);
    let at = Math.max(0, place.at);
    for (let { block } = place; block < this.#blocks.length; block++) {
      const pages = this.#blocks[block]!;
      for (; at < pages.length; at++) {
        yield pages[at]!;
      }
      at = 0;
    }
  }

  /** Returns the last page that begins before a key (null: after all keys). */
  below(key: ByteString | null): KeptPage | undefined {
    if (key === null) {
      return this.#blocks.at(-1)!.at(-1);
    }
    const place = this.#floorPlace(key);
    const page = this.#pageAt(place);
    return page?.interval.lower === key ? this.#pageAt(this.#before(place)) : page;
  }

  /** Returns the first page that begins after a key. */
  above(key: ByteString): KeptPage | undefined {
    const { block, at } = this.#floorPlace(key);
    return this.#blocks[block]![at + 1] ?? this.#blocks[block + 1]?.[0];
  }

  add(page: KeptPage): void {
    const { block, at } = this.#floorPlace(page.interval.lower);
    const pages = this.#blocks[block]!;
    pages.splice(at + 1, 0, page);
    if (pages.length > mostInBlock) {
      this.#blocks.splice(block + 1, 0, pages.splice(mostInBlock / 2));
    }
  }

  remove(page: KeptPage): void {
    const { block, at } = this.#floorPlace(page.interval.lower);
    const pages = this.#blocks[block]!;
    if (pages[at] === page) {
      pages.splice(at, 1);
      if (pages.length === 0 && this.#blocks.length > 1) {
        this.#blocks.splice(block, 1);
      }
    }
  }

  clear(): void {
    this.#blocks = [[]];
  }

  #floorPlace(key: ByteString): Place {
    const block = Math.max(0, countUpTo(this.#blocks, key, (pages) => pages[0]) - 1);
    return { block, at: countUpTo(this.#blocks[block]!, key, (page) => page) - 1 };
  }

  #before({ block, at }: Place): Place {
    return at > 0 || block === 0
      ? { block, at: at - 1 }
      : { block: block - 1, at: this.#blocks[block - 1]!.length - 1 };
  }

  #pageAt({ block, at }: Place): KeptPage | undefined {
    return this.#blocks[block]![at];
  }
}

/** Counts the items whose page begins at or before the key. The items are in ascending order. */
function countUpTo<Item>(
  items: readonly Item[],
  key: ByteString,
  pageOf: (item: Item) => KeptPage | undefined,
): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const page = pageOf(items[middle]!);
    if (page !== undefined && page.interval.lower <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
