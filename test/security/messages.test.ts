import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { verify } from "../../coordinator/index.js";
import { excerpt } from "../../shared/bytes.js";
import { encodingTag } from "../../shared/format/value-encoding.js";
import { type Stores, useSharedStore, useStores } from "../api/support/stores.js";
import { Workspace } from "../cli/support/cli.js";
import { RecordingLogger } from "../coordinator/events/recording-logger.js";
import { flipByte } from "../support/damage.js";
import { rejection } from "../support/errors.js";
import { storeForged } from "./support/forged-entry.js";
import { expectSafeMessages } from "./support/terminal-safe.js";

/** Clears the screen, sets the title, rings, goes up a line, turns the writing around, hides. */
const hostile = "\u001b[2J\u001b]0;owned\u0007\u009b1A\r\n\u202egnp.exe\u2066\u200b\ufeff\u2028\u0000";
const secret = "S3CRET";
const longHostile = `${hostile}${secret.repeat(10_000)}`;

describe("What errors say of keys and values", function () {
  this.timeout(30_000);
  const db = useSharedStore();

  it("is an excerpt that is short and escaped", () => {
    for (const limit of [1, 10, 40]) {
      const shown = excerpt(longHostile, limit);
      expect(shown.length).to.be.below(limit * 6 + 6);
      expectSafeMessages(new Error(shown), "an excerpt");
      expectSafeMessages(new Error(excerpt(Buffer.from(longHostile), limit)), "an excerpt of bytes");
    }
  });

  class Hidden {
    #inside = 1;
    get inside(): number {
      return this.#inside;
    }
  }
  Object.defineProperty(Hidden, "name", { value: longHostile });
  const anything = (value: unknown): never => value as never;

  const calls: [string, () => Promise<unknown>][] = [
    ["a key with a lone surrogate", () => db().put(`${longHostile.slice(0, 1000)}\ud800`, 1)],
    ["a key that is too long", () => db().put(longHostile.repeat(2), 1)],
    ["a key of another type", () => db().get(anything({ toString: () => longHostile }))],
    ["a value with a hostile field", () => db().put("a", { [longHostile]: Number.NaN })],
    ["a value deep inside hostile fields", () => db().put("a", { [hostile]: { [longHostile]: [() => 1] } })],
    [
      "a value that throws",
      () =>
        db().put("a", {
          get field() {
            throw new RangeError(longHostile.slice(0, 300).replace(/[^ -~]/g, "?"));
          },
        }),
    ],
    ["an instance of a hostile class", () => db().put("a", new Hidden(), { encoding: "structured" })],
    ["an instance in JSON", () => db().put("a", new Hidden())],
    ["a value of binary", () => db().put("a", longHostile, { encoding: "binary" })],
    ["a hostile encoding", () => db().put("a", 1, { encoding: anything(longHostile) })],
    ["a hostile ttl", () => db().put("a", 1, { ttl: anything(longHostile) })],
    ["a ttl that is an object", () => db().put("a", 1, { ttl: anything(Object.create(null)) })],
    [
      "a ttl that is a function",
      () => db().put("a", 1, { ttl: anything(new Function(`/*${secret.repeat(1000)}*/`)) }),
    ],
    ["a ttl that is a symbol", () => db().put("a", 1, { ttl: anything(Symbol(longHostile)) })],
    ["a ttl that is a huge number", () => db().put("a", 1, { ttl: anything(10n ** 5000n) })],
    ["a hostile option", () => db().put("a", 1, { [longHostile]: 1 } as object)],
    ["a hostile durability", () => db().put("a", 1, { durability: anything(longHostile) })],
    ["a hostile operation", () => db().batch([{ type: anything(longHostile), key: "a" }])],
    [
      "a hostile limit",
      () =>
        db()
          .scan({ limit: anything(longHostile) })
          .toArray(),
    ],
    [
      "a hostile key encoding",
      () =>
        db()
          .scan({ keyEncoding: anything(longHostile) })
          .toArray(),
    ],
    [
      "a hostile direction",
      () =>
        db()
          .scan({ reverse: anything(longHostile) })
          .toArray(),
    ],
    ["a hostile cursor", () => db().scan().cursor().read(anything(longHostile))],
    ["a hostile entry of a load", () => db().bulkLoad([[longHostile.repeat(2), 1]])],
    [
      "a load's hostile encoding",
      () => db().bulkLoad([anything({ key: "a", value: 1, encoding: longHostile })]),
    ],
  ];
  for (const [what, call] of calls) {
    it(`is short and escaped: ${what}`, async () => {
      const error = await rejection((async () => call())());
      expectSafeMessages(error, what);
      expect(error.message.split(secret).length, error.message).to.be.below(36);
    });
  }

  it("is short and escaped where stored bytes are read", async () => {
    const key = longHostile.slice(0, 60_000);
    const hostileJson = Buffer.from(`{"${hostile}": ${secret.repeat(1000)}`);
    const stored: [string, number, Buffer][] = [
      ["JSON", encodingTag.json, hostileJson],
      ["short JSON", encodingTag.json, Buffer.from("\u001b[2J")],
      ["msgpack", encodingTag.msgpack, Buffer.concat([Buffer.of(0xc1), hostileJson])],
      ["structured", encodingTag.structured, Buffer.concat([Buffer.of(1, 0x30), hostileJson])],
    ];
    for (const [what, tag, bytes] of stored) {
      const entry = { key, stored: bytes, encoding: "json", tag, expiresAt: undefined } as const;
      expectSafeMessages(await rejection(db().bulkLoad([entry])), `${what} in a load`);
      await storeForged(db(), key, tag, bytes);
      const error = await rejection(db().get(key));
      expect(error.code, what).to.equal("FASTKV_CORRUPTION");
      expectSafeMessages(error, what);
    }
    // A key that is no text.
    await db().put(new Uint8Array([0xff, 0x1b, 0x5b, ...Buffer.alloc(60_000, secret)]), 1);
    expectSafeMessages(await rejection(db().scan().toArray()), "a binary key in a scan of text");
  });
});

describe("What is said of damaged files with hostile keys in them", function () {
  this.timeout(30_000);
  const stores = useStores();

  async function damagedDatabase({ open, folder }: Stores): Promise<void> {
    const db = await open.call(stores(), { shards: 1 });
    for (let at = 0; at < 50; at++) {
      await db.put(`${String(at).padStart(3, "0")}${longHostile.slice(0, 2000)}`, secret.repeat(100));
    }
    await db.flush();
    await db.close();
    const shard = path.join(folder, "shard-000");
    const table = fs.readdirSync(shard).find((name) => name.endsWith(".sst"))!;
    flipByte(path.join(shard, table), 70);
  }

  it("in errors, events, log and findings, is short and escaped", async () => {
    await damagedDatabase(stores());
    const report = await verify(stores().folder);
    expect(report.isSound).to.equal(false);
    for (const { message, keys } of report.findings) {
      for (const text of [message, keys?.from ?? "", keys?.to ?? ""]) {
        expectSafeMessages(new Error(text), "a finding");
        expect(text.split(secret).length).to.be.below(16);
      }
    }
    const logger = new RecordingLogger();
    const db = await stores().open({ logger });
    const error = await rejection(db.scan().toArray());
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expectSafeMessages(error, "a scan");
    await db.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(logger.of("corruption").length).to.equal(1);
    for (const { fields, message } of logger.lines) {
      const text = JSON.stringify({ ...fields, err: undefined, message });
      expectSafeMessages(new Error(text), "a line of the log");
      expect(text).to.not.include(secret);
    }
  });

  it("on the command line, drives no terminal", async () => {
    const workspace = await Workspace.create();
    try {
      const given = hostile.replaceAll("\u0000", "");
      for (const args of [
        ["get", given, "--path", "db"],
        ["put", given, `{"${given}`, "--path", "db"],
        ["put", given, given, "--path", "db"],
        ["get", given, "--path", "db"],
        ["scan", "--path", "db"],
        ["get", "a", "--path", given],
      ]) {
        const { stdout, stderr } = await workspace.run(args);
        for (const line of `${stdout}\n${stderr}`.split("\n")) {
          expectSafeMessages(new Error(line), args.join(" "));
        }
      }
    } finally {
      await workspace.remove();
    }
  });
});
