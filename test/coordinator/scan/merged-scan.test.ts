import { expect } from "chai";
import type { KnownPages } from "../../../coordinator/cache/scan-cache.js";
import type { ScanPage } from "../../../coordinator/encoding/scan-page.js";
import { type ScanHost, ScanRun } from "../../../coordinator/scan/merged-scan.js";
import { OpenHolds } from "../../../coordinator/snapshot/open-holds.js";
import { byteStringOf, bytesOf } from "../../../shared/bytes.js";
import type { PageRange, PageRequest } from "../../../shared/wire/page.js";

const total = 20_000;

function keyOf(number: number): string {
  return String(number).padStart(6, "0");
}

function rangeOf(start: number, end: number): PageRange {
  return { lower: bytesOf(keyOf(start)), upper: end === total ? null : bytesOf(keyOf(end)) };
}

/** Pages with the keys from a number up to another, as the scan cache has them. */
function knownPages(...borders: [number, number][]): KnownPages["pages"] {
  return borders.map(([start, end]) => new NumberPage(start, end, end)) as unknown as KnownPages["pages"];
}

function interval(start: number, end: number): KnownPages["rest"] {
  return { lower: keyOf(start), upper: end === total ? null : keyOf(end) };
}

class NumberPage implements ScanPage {
  readonly entries: number;
  readonly bytes = 100;
  readonly rest: ScanPage["rest"];
  key = "";
  wanted = 0;
  readonly #end: number;
  #next: number;

  /** `upper`: where the range ends that it begins. */
  constructor(start: number, end: number, upper = total) {
    this.#next = start;
    this.#end = end;
    this.entries = end - start;
    this.rest = end === upper ? null : rangeOf(end, upper);
  }

  next(): boolean {
    if (this.#next === this.#end) {
      return false;
    }
    this.key = keyOf(this.#next);
    this.#next += 1;
    return true;
  }

  keyText(): string {
    return this.key;
  }

  keyBytes(): Uint8Array {
    return bytesOf(this.key);
  }

  value(): unknown {
    return this.key;
  }
}

/** One shard with so many keys. It answers at once; what was asked of it is noted. */
class OneShard implements ScanHost {
  readonly shardCount = 1;
  readonly told: number[] = [];
  readonly holds = new OpenHolds({ tell: ({ id }) => this.told.push(id), giveBack: () => undefined });
  readonly asked: number[] = [];
  readonly ranges: string[] = [];
  memory: KnownPages | undefined;
  sent = 0;
  failAt = Number.POSITIVE_INFINITY;

  known(): KnownPages | undefined {
    return this.memory;
  }

  mark(): number {
    return 0;
  }

  async page(_shard: number, { lower, upper, maxEntries }: PageRequest): Promise<ScanPage> {
    this.asked.push(maxEntries);
    this.ranges.push(`${byteStringOf(lower)}-${upper && byteStringOf(upper)}`);
    if (this.asked.length >= this.failAt) {
      throw new Error("this page cannot be read");
    }
    const start = Number(byteStringOf(lower));
    const end = upper === null ? total : Number(byteStringOf(upper));
    this.sent += Math.min(maxEntries, end - start);
    return new NumberPage(start, Math.min(end, start + maxEntries), end);
  }

  async bytesFromMemory(): Promise<void> {}
}

function scanOf(shard: OneShard, limit = Number.POSITIVE_INFINITY): ScanRun {
  const range = { lower: bytesOf(keyOf(0)), upper: null };
  const point = { sequence: 1, timeMs: 1 };
  const decode = (): unknown => undefined;
  return new ScanRun(shard, { range, reverse: false, limit, point, withValues: true, decode });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes entries until there are `count`; true where the scan is at its end. */
async function take(run: ScanRun, into: string[], count: number): Promise<boolean> {
  while (!run.take((page) => page.keyText(), into, count - into.length)) {
    if (into.length === count) {
      return false;
    }
    await run.fill();
  }
  return true;
}

describe("A scan's pages", () => {
  it("are asked for one ahead, and two where they have their full size, but not before the scan is read", async () => {
    const shard = new OneShard();
    const run = scanOf(shard);
    await turns(5);
    expect(shard.asked).to.deep.equal([256]);
    const keys: string[] = [];
    const askedAfter = async (count: number): Promise<number[]> => {
      expect(await take(run, keys, count)).to.equal(false);
      await turns(5);
      return shard.asked.slice();
    };
    const growing = [256, 512, 1024, 2048, 4096];
    expect(await askedAfter(1)).to.deep.equal(growing.slice(0, 2));
    expect(await askedAfter(257)).to.deep.equal(growing.slice(0, 3));
    expect(await askedAfter(256 + 512 + 1)).to.deep.equal(growing.slice(0, 4));
    expect(await askedAfter(256 + 512 + 1024 + 1)).to.deep.equal([...growing, 4096]);
    // Of two full pages in memory none more is asked for until one of them is begun.
    expect(await askedAfter(256 + 512 + 1024 + 2048 - 1)).to.deep.equal([...growing, 4096]);
    expect(await askedAfter(256 + 512 + 1024 + 2048)).to.deep.equal([...growing, 4096, 4096]);
    expect(shard.sent - keys.length).to.be.at.most(3 * 4096);
    expect(await take(run, keys, Number.POSITIVE_INFINITY)).to.equal(true);
    expect(keys).to.deep.equal(Array.from({ length: total }, (_, number) => keyOf(number)));
    run.end();
  });

  it("are not asked for beyond the limit", async () => {
    const shard = new OneShard();
    const run = scanOf(shard, 9_000);
    const keys: string[] = [];
    expect(await take(run, keys, Number.POSITIVE_INFINITY)).to.equal(true);
    expect(keys.length).to.equal(9_000);
    expect(shard.sent).to.equal(9_000);
    run.end();
  });

  it("are asked for only where the scan cache knows nothing, however many entries are missing there", async () => {
    for (const missing of [0, 1, 10, 300]) {
      const shard = new OneShard();
      const end = missing + 10;
      shard.memory = {
        pages: [],
        rest: interval(0, missing),
        behind: { pages: knownPages([missing, missing + 4], [missing + 4, end]), rest: interval(end, total) },
      };
      const run = scanOf(shard, end + 5);
      const keys: string[] = [];
      expect(await take(run, keys, Number.POSITIVE_INFINITY)).to.equal(true);
      expect(keys).to.deep.equal(Array.from({ length: end + 5 }, (_, number) => keyOf(number)));
      expect(shard.sent, `${missing} missing`).to.equal(missing + 5);
      expect(shard.ranges.at(0)).to.equal(`${keyOf(0)}-${keyOf(missing)}`);
      expect(shard.ranges.at(-1)).to.equal(`${keyOf(end)}-null`);
      run.end();
      expect(shard.holds.size).to.equal(0);
    }
  });

  it("are held in no shard where all that can be wanted is in memory, unless it may go to other keys", () => {
    for (const [limit, rest, isAnnounced] of [
      [20, interval(20, total), false],
      [21, interval(20, total), true],
      [Number.POSITIVE_INFINITY, null, false],
    ] as const) {
      for (const seeks of [false, true]) {
        const shard = new OneShard();
        shard.memory = { pages: knownPages([0, 20]), rest };
        const run = scanOf(shard, limit);
        if (!seeks) {
          run.giveUpSeeking();
        }
        shard.holds.announceDeferred();
        expect(shard.told.length, `limit ${limit}, ${seeks ? "seeks" : "does not seek"}`).to.equal(
          (isAnnounced || seeks) && shard.asked.length === 0 ? 1 : 0,
        );
        expect(shard.holds.size).to.equal(isAnnounced || seeks ? 1 : 0);
        run.end();
        expect(shard.holds.size).to.equal(0);
      }
    }
  });

  it("are not asked for any more when the scan has ended, whatever comes then", async () => {
    const shard = new OneShard();
    const run = scanOf(shard);
    const keys: string[] = [];
    await take(run, keys, 256 + 512 + 1024 + 1);
    const asked = shard.asked.length;
    run.end();
    await turns(5);
    expect(shard.asked.length).to.equal(asked);
  });

  it("that cannot be read fail the scan behind the entries of those before them, however often it is asked", async () => {
    const shard = new OneShard();
    shard.failAt = 6;
    const run = scanOf(shard);
    const keys: string[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await take(run, keys, Number.POSITIVE_INFINITY).catch((error: unknown) => error);
      expect(failure).to.have.property("message", "this page cannot be read");
      expect(keys.length).to.equal(256 + 512 + 1024 + 2048 + 4096);
    }
    run.end();
  });
});
