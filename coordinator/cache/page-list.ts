import type { ByteString } from "../../shared/bytes.js";
import type { KeptPage } from "./kept-page.js";

/** A block with more pages is cut in two. */
const mostInBlock = 512;

interface Place {
  /** Of the block. */
  block: number;
  /** Of the page in its block; -1: in front of all pages. */
  at: number;
}

/**
 * Pages in the order of their first keys. They do not overlap. In blocks, so that putting one in and taking one out moves
 * few others, however many there are.
 */
export class PageList {
  /** None is empty, but for the first where there are no pages. */
  #blocks: KeptPage[][] = [[]];

  /** The last page that begins at or before a key. */
  floor(key: ByteString): KeptPage | undefined {
    return this.#pageAt(this.#floorPlace(key));
  }

  /** The last page that begins at or before a key, and those behind it. The list must not change meanwhile. */
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

  /** The last page that begins before a key (null: behind all keys). */
  below(key: ByteString | null): KeptPage | undefined {
    if (key === null) {
      return this.#blocks.at(-1)!.at(-1);
    }
    const place = this.#floorPlace(key);
    const page = this.#pageAt(place);
    return page?.interval.lower === key ? this.#pageAt(this.#before(place)) : page;
  }

  /** The first page that begins behind a key. */
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

/** How many of the items, which ascend, have a page that begins at or before the key. */
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
