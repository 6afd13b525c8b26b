import { expect } from "chai";
import { compress, decompress } from "../../shard/engine/table/compression.js";
import { decodeVersionEdit } from "../../shard/engine/version/version-edit.js";
import { unpackChecked } from "../../shared/codec/checked-unpack.js";
import { ClassRegistry } from "../../shared/codec/class-registry.js";
import { FastKVError } from "../../shared/errors.js";
import { encodingTag, type ValueEncoding } from "../../shared/format/value-encoding.js";
import { decodeMessage } from "../../shared/wire/frame.js";
import { useSharedStore } from "../api/support/stores.js";
import { caught } from "../support/errors.js";
import { MemoryMeter } from "../support/memory.js";
import { storeForged } from "./support/forged-entry.js";
import { rawMessage } from "./support/raw-message.js";

const meter = new MemoryMeter();

/** An error of ours or a value, in little memory. */
async function cheaply(what: string, call: () => unknown): Promise<unknown> {
  meter.start();
  const start = performance.now();
  let outcome: unknown;
  try {
    outcome = await call();
  } catch (error) {
    expect(error, what).to.be.instanceOf(FastKVError);
    outcome = error;
  }
  expect(meter.tookBytes, what).to.be.below(24 * 1024 * 1024);
  expect(performance.now() - start, what).to.be.below(5000);
  return outcome;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** What is in every prototype that a decoder could reach. */
function prototypes(): string {
  const names = [Object, Array, Map, Set, Date, RegExp, Error, Uint8Array, Buffer, Function, Promise, String];
  return names
    .map(
      (one) =>
        `${one.name}: ${Reflect.ownKeys(one.prototype).map(String).join()}; ${Reflect.ownKeys(one).map(String).join()}`,
    )
    .join("\n");
}

describe("A stored value from a stranger", function () {
  this.timeout(60_000);
  const db = useSharedStore();

  async function read(encoding: ValueEncoding, bytes: Buffer): Promise<unknown> {
    await storeForged(db(), "k", encodingTag[encoding], bytes);
    return cheaply(`${encoding} ${bytes.toString("hex", 0, 40)}`, () => db().get("k"));
  }

  it("never touches a prototype", async () => {
    const before = prototypes();
    const proto = "__proto__";
    const texts = [
      `{"${proto}":{"polluted":1}}`,
      `{"constructor":{"prototype":{"polluted":1}}}`,
      `[{"${proto}":[1]},{"a":{"${proto}":{"toString":1,"polluted":1}}}]`,
    ];
    for (const text of texts) {
      expect(await read("json", Buffer.from(text))).to.deep.equal(JSON.parse(text));
    }
    const name = Buffer.from(proto).toString("hex");
    const polluted = Buffer.from("polluted").toString("hex");
    expect(await read("msgpack", hex(`81 a9${name} 81 a8${polluted} 01`))).to.be.instanceOf(FastKVError);
    const structured = await read("structured", hex(`01 12 01 49 ${name} 12 01 48 ${polluted} 81`));
    if (!(structured instanceof FastKVError)) {
      expect(Object.getPrototypeOf(structured)).to.equal(Object.prototype);
      expect(Object.keys(structured as object)).to.deep.equal([proto]);
    }
    expect(prototypes()).to.equal(before);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
    expect(([] as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  it("never costs more memory or time than its bytes are worth", async () => {
    for (const [encoding, bytes] of [
      ["msgpack", hex("ddffffffff")],
      ["msgpack", hex("dd01ffffff".repeat(200))],
      ["msgpack", hex("dfffffffff")],
      ["msgpack", hex("dbffffffff41")],
      ["msgpack", hex("c6ffffffff41")],
      ["msgpack", hex("c9ffffffff7441")],
      ["msgpack", Buffer.alloc(1_000_000, 0x91)],
      ["structured", hex("0110ffffffff0f")],
      ["structured", hex("0112ffffffff0f")],
      ["structured", hex("0113ffffffff0f")],
      ["structured", hex("011bffffffff0f")],
      ["structured", Buffer.from(`01${"1001".repeat(200_000)}`, "hex")],
      ["structured", hex("0111ffffffff1f00")],
      ["json", Buffer.alloc(2_000_000, "[")],
      ["json", Buffer.from('{"a":'.repeat(300_000))],
    ] as [ValueEncoding, Buffer][]) {
      expect(await read(encoding, bytes), `${encoding} ${bytes.toString("hex", 0, 20)}`).to.be.instanceOf(
        FastKVError,
      );
    }
  });

  it("makes no instance of a class that the program did not register, and runs nothing", async () => {
    class Mine {
      static constructed = 0;
      field = 1;
      constructor() {
        Mine.constructed += 1;
      }
    }
    db().registerClass(Mine);
    await db().put("mine", new Mine(), { encoding: "structured" });
    const [entry] = await db().storedEntries("mine").toArray();
    const bytes = Buffer.from(entry!.stored);
    const at = bytes.indexOf("Mine");
    expect(at).to.be.above(0);
    expect(await db().get("mine")).to.be.instanceOf(Mine);
    expect(Mine.constructed).to.equal(1);
    for (const name of ["Proc", "Func", "Objx", "fs:x", "eval", "Mini"]) {
      bytes.write(name, at);
      const outcome = await read("structured", bytes);
      expect(outcome, name).to.be.instanceOf(FastKVError);
      expect((outcome as FastKVError).code).to.equal("FASTKV_INVALID_VALUE");
      expect((outcome as FastKVError).message).to.include("registerClass");
    }
    expect(Mine.constructed).to.equal(1);
  });

  it("finds no class by a name that every object has", () => {
    const registry = new ClassRegistry();
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(registry.byName(name), name).to.equal(undefined);
    }
    for (const builtIn of [Function, Object, Promise, Proxy]) {
      expect(caught(() => registry.register(builtIn as never)).code).to.equal("FASTKV_INVALID_OPTION");
    }
  });
});

describe("A record of a file from a stranger", () => {
  const bombs = [
    "ddffffffff",
    "dd01ffffff".repeat(100),
    "dfffffffff",
    "dbffffffff41",
    "c6ffffffff",
    "91".repeat(50_000),
    "d47240 91a161 01",
    "d46500 92a5 4572726f72 a16d",
    "d6690000000190",
    "81 a95f5f70726f746f5f5f 80",
  ];

  it("is refused before memory is spent on it", async () => {
    for (const bomb of bombs) {
      const outcome = await cheaply(bomb.slice(0, 40), () => unpackChecked(hex(bomb)));
      expect(outcome, bomb.slice(0, 40)).to.be.instanceOf(FastKVError);
    }
  });

  it("is refused in the greeting of a connection", async () => {
    for (const bomb of bombs) {
      const outcome = await cheaply(bomb.slice(0, 40), () => decodeMessage(rawMessage(hex(bomb))));
      expect(outcome, bomb.slice(0, 40)).to.be.instanceOf(FastKVError);
      expect((outcome as FastKVError).code).to.equal("FASTKV_INTERNAL");
    }
  });

  it("is refused in a manifest", async () => {
    for (const bomb of bombs) {
      const outcome = await cheaply(bomb.slice(0, 40), () => decodeVersionEdit(hex(bomb)));
      expect(outcome, bomb.slice(0, 40)).to.be.instanceOf(FastKVError);
      expect((outcome as FastKVError).code).to.equal("FASTKV_CORRUPTION");
    }
  });

  it("decompresses to no more than it may", async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    for (const codec of ["snappy", "lz4"] as const) {
      const bomb = compress(codec, zeros);
      expect(bomb.length).to.be.below(zeros.length / 20);
      const outcome = await cheaply(codec, () => decompress(codec, bomb, 4096));
      expect(outcome, codec).to.be.instanceOf(FastKVError);
      expect((outcome as FastKVError).code).to.equal("FASTKV_CORRUPTION");
    }
  });
});
