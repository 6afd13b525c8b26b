import { expect } from "chai";
import { type ScanHost, ScanRun } from "../../coordinator/merged-scan.js";
import { OpenHolds } from "../../coordinator/open-holds.js";
import type { ScanPage } from "../../coordinator/scan-page.js";
import { bytesOf } from "../../shared/bytes.js";
import type { PageRequest } from "../../shared/wire/page.js";

const total = 20_000;

function keyOf(number: number): string {
  return String(number).padStart(6, "0");
}

class NumberPage implements ScanPage {
  readonly entries: number;
  readonly rest: ScanPage["rest"];
  key = "";
  wanted = 0;
  readonly #end: number;
  #next: number;

  constructor(start: number, end: number) {
    this.#next = start;
    this.#end = end;
    this.entries = end - start;
    this.rest = end === total ? null : { lower: bytesOf(keyOf(end)), upper: null };
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
  readonly holds = new OpenHolds({ tell: () => undefined, giveBack: () => undefined });
  readonly asked: number[] = [];
  sent = 0;
  failAt = Number.POSITIVE_INFINITY;

  known(): undefined {
    return undefined;
  }

  mark(): number {
    return 0;
  }

  async page(_shard: number, { lower, maxEntries }: PageRequest): Promise<ScanPage> {
    this.asked.push(maxEntries);
    if (this.asked.length >= this.failAt) {
      throw new Error("this page cannot be read");
    }
    const start = Number(Buffer.from(lower).toString("latin1"));
    this.sent += Math.min(maxEntries, total - start);
    return new NumberPage(start, Math.min(total, start + maxEntries));
  }

  async bytesFromMemory(): Promise<void> {}
}

function scanOf(shard: OneShard, limit = Number.POSITIVE_INFINITY): ScanRun {
  const range = { lower: bytesOf(keyOf(0)), upper: null };
  const point = { sequence: 1, timeMs: 1 };
  return new ScanRun(shard, { range, reverse: false, limit, point, withValues: true, decode: undefined });
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
