import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { expect } from "chai";
import { defaultShardModule } from "../../coordinator/shards/shard-process.js";
import { decodeMessage, encodeMessage, frameType } from "../../shared/wire/frame.js";
import type { Hello, OpenRequest } from "../../shared/wire/messages.js";
import type { ShardStart } from "../../shared/wire/shard-start.js";
import { eventually, shardPids, useStores } from "../api/support/stores.js";
import { MemoryMeter } from "../support/memory.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { rawMessage } from "./support/raw-message.js";

const shardToken = "5".repeat(64);
const coordinatorToken = "c".repeat(64);
const refused = 70;

function openRequest(folder: string, token: unknown): OpenRequest {
  return {
    type: "open",
    token: token as string,
    folder,
    databaseId: new Uint8Array(16),
    shardIndex: 0,
    epoch: 1,
    create: true,
    logCutSequence: 0,
    loggedSequences: [],
    logSyncedSequence: 0,
    settings: {
      maxMemtableBytes: 1 << 20,
      compression: "none",
      blockBytes: 4096,
      bloomBitsPerKey: 10,
      cacheBytes: 1 << 20,
      compactionParallelism: 1,
      maxOpenTables: 64,
      syncIntervalMs: 100,
      targetTableBytes: 1 << 20,
      levelOneTargetBytes: 1 << 20,
      levelZeroCompactionTrigger: 4,
      levelZeroSlowdownTrigger: 12,
      levelZeroStopTrigger: 24,
    },
  };
}

describe("A shard", function () {
  this.timeout(30_000);
  const folder = useTemporaryFolder();
  let child: ChildProcess | undefined;
  let server: net.Server | undefined;
  afterEach("end what the test started", async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    server?.close();
  });

  /** A shard that was started properly, and finds somebody else at its socket, who has its connection now. */
  async function connectedShard(): Promise<{ socket: net.Socket; shard: ChildProcess; hello: Hello }> {
    const socketPath = path.join(folder(), "s");
    const listener = net.createServer().listen(socketPath);
    server = listener;
    await once(listener, "listening");
    const shard = fork(defaultShardModule, [], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    child = shard;
    const start: ShardStart = { shardIndex: 0, socketPath, shardToken, coordinatorToken };
    shard.send(start);
    const [socket] = (await once(listener, "connection")) as [net.Socket];
    socket.on("error", () => undefined);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return { socket, shard, hello: decodeMessage(chunk).meta as Hello };
  }

  function frame(meta: unknown): Buffer {
    return encodeMessage(frameType.request, 1, meta);
  }

  it("opens its files for the coordinator that started it", async () => {
    const { socket, hello } = await connectedShard();
    expect(hello.token).to.equal(shardToken);
    const db = path.join(folder(), "db");
    fs.mkdirSync(db);
    socket.write(frame(openRequest(db, coordinatorToken)));
    const [reply] = (await once(socket, "data")) as [Buffer];
    expect(decodeMessage(reply)).to.include({ type: frameType.reply, id: 1 });
    expect(fs.readdirSync(db)).to.include("CURRENT");
  });

  const forged: [string, (db: string) => Buffer][] = [
    ["a wrong token", (db) => frame(openRequest(db, "d".repeat(64)))],
    ["the shard's own token", (db) => frame(openRequest(db, shardToken))],
    ["a token that begins right", (db) => frame(openRequest(db, coordinatorToken.slice(0, 63)))],
    ["a token of another type", (db) => frame(openRequest(db, [coordinatorToken]))],
    ["no token", (db) => frame({ ...openRequest(db, ""), token: undefined })],
    [
      "a wrong token before a right one",
      (db) => Buffer.concat([frame(openRequest(db, "")), frame(openRequest(db, coordinatorToken))]),
    ],
    ["no open request", () => frame({ type: "stats" })],
    ["nested msgpack without end", () => rawMessage(Buffer.alloc(100_000, 0x91))],
    ["an array of 33 million that are not there", () => rawMessage(Buffer.from("dd01ffffff", "hex"))],
    ["a frame that is too long", () => Buffer.from("ffffffff0103", "hex")],
    ["no frame at all", () => Buffer.alloc(5000, "GET / HTTP/1.1\r\n")],
  ];
  for (const [what, makeBytes] of forged) {
    it(`ends without having touched a file where it is sent ${what}`, async () => {
      const { socket, shard } = await connectedShard();
      const db = path.join(folder(), "db");
      fs.mkdirSync(db);
      const ended = once(shard, "exit");
      socket.write(makeBytes(db));
      expect(await ended).to.deep.equal([refused, null]);
      expect(fs.readdirSync(db)).to.deep.equal([]);
    });
  }

  it("ends where no parent started it", async () => {
    const { spawn } = await import("node:child_process");
    const { fileURLToPath } = await import("node:url");
    const alone = spawn(process.execPath, [fileURLToPath(defaultShardModule)], { stdio: "ignore" });
    child = alone;
    expect(await once(alone, "exit")).to.deep.equal([77, null]);
  });
});

describe("A coordinator", function () {
  this.timeout(30_000);
  const stores = useStores();

  /** Says something on the socket; gives back what came of it. */
  async function say(bytes: Buffer): Promise<{ answered: number; tookBytes: number }> {
    const { runtimeFolder } = stores();
    const socket = net.connect(path.join(runtimeFolder, fs.readdirSync(runtimeFolder)[0]!, "s"));
    let answered = 0;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      answered += chunk.length;
    });
    const meter = new MemoryMeter();
    meter.start();
    socket.write(bytes);
    await once(socket, "close");
    return { answered, tookBytes: meter.tookBytes };
  }

  const hello = (meta: unknown): Buffer => encodeMessage(frameType.request, 0, meta);
  const strangers: [string, Buffer][] = [
    ["a false shard that does not know the token", hello({ token: "0".repeat(64), shardIndex: 0, pid: 1 })],
    ["a false shard with a token of another type", hello({ token: { length: 64 }, shardIndex: 0, pid: 1 })],
    ["a message that is no object", hello(null)],
    ["an array of 33 million that are not there", rawMessage(Buffer.from("dd01ffffff", "hex"))],
    ["nested arrays of 33 million", rawMessage(Buffer.from("dd01ffffff".repeat(100), "hex"))],
    ["nesting as deep as the frame is long", rawMessage(Buffer.alloc(4000, 0x91))],
    ["text of four gigabytes", rawMessage(Buffer.from("dbffffffff41", "hex"))],
    [
      "an extension of msgpackr that makes objects",
      rawMessage(Buffer.from("d47240 91a161 01".replaceAll(" ", ""), "hex")),
    ],
    ["a frame of four gigabytes", Buffer.from("ffffffff0103000000000000", "hex")],
    ["a frame of 5,000 bytes", Buffer.from("881300000103000000000000", "hex")],
    ["a frame of no length", Buffer.alloc(64)],
    ["an unknown version", Buffer.from("10000000ff0300000000000000000000", "hex")],
    ["meta data beyond the frame", Buffer.from("100000000103000000000000ffffffff", "hex")],
  ];

  it("cuts off strangers, says nothing to them, spends no memory on them, and serves on", async () => {
    const db = await stores().open();
    const pids = await shardPids(db);
    await db.put("a", 1);
    for (const [what, bytes] of strangers) {
      const { answered, tookBytes } = await say(bytes);
      expect(answered, what).to.equal(0);
      expect(tookBytes, what).to.be.below(16 * 1024 * 1024);
      expect(await db.get("a"), what).to.equal(1);
    }
    expect(await shardPids(db)).to.deep.equal(pids);
    expect((await db.stats()).restarts).to.equal(0);
  });

  /** A shard's module that gives its tokens away, waits until it may go on, and then works as usual. */
  function spyingModule(spied: string, mayGoOn: string = spied): URL {
    const module = path.join(stores().root, "spying.mjs");
    fs.writeFileSync(
      module,
      `import fs from "node:fs";
const once = process.once;
process.once = (name, call) => once.call(process, name, (start) => {
  fs.appendFileSync(${JSON.stringify(spied)}, start.shardToken + "\\n" + start.coordinatorToken + "\\n");
  const timer = setInterval(() => {
    if (fs.existsSync(${JSON.stringify(mayGoOn)})) {
      clearInterval(timer);
      call(start);
    }
  }, 5);
});
await import(${JSON.stringify(defaultShardModule.href)});
`,
    );
    return new URL(`file://${module}`);
  }

  it("lets no false shard in while it awaits a true one", async () => {
    const { root } = stores();
    const [spied, mayGoOn] = [path.join(root, "spied"), path.join(root, "go-on")];
    const opening = stores().open({ shards: 1, shardModule: spyingModule(spied, mayGoOn) });
    await eventually("the shard is awaited", () => fs.existsSync(spied));
    const [shards, coordinators] = fs.readFileSync(spied, "utf8").trim().split("\n");
    for (const token of [
      "0".repeat(64),
      "",
      "0",
      shards!.slice(0, 63),
      `${shards}0`,
      shards!.toUpperCase().replace(/[A-F]$|[0-9]$/, "x"),
      coordinators,
      [shards],
      Buffer.from(shards!),
    ]) {
      expect(await say(hello({ token, shardIndex: 0, pid: process.pid }))).to.include({ answered: 0 });
    }
    // One that knows the token, but sends more than its greeting at once, is not what was started either.
    const twice = Buffer.concat([hello({ token: shards }), hello({ token: shards })]);
    expect(await say(twice)).to.include({ answered: 0 });
    fs.writeFileSync(mayGoOn, "");
    const db = await opening;
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
    expect((await db.stats()).restarts).to.equal(0);
  });

  it("takes each token once: a second shard with the same one is a stranger", async () => {
    const spied = path.join(stores().root, "spied");
    const db = await stores().open({ shards: 1, shardModule: spyingModule(spied) });
    for (const token of fs.readFileSync(spied, "utf8").trim().split("\n")) {
      const { answered } = await say(hello({ token, shardIndex: 0, pid: process.pid }));
      expect(answered).to.equal(0);
    }
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
    expect((await db.stats()).restarts).to.equal(0);
  });

  it("gives each start two new tokens, of 32 random bytes", async () => {
    const spied = path.join(stores().root, "spied");
    const db = await stores().open({ shardModule: spyingModule(spied) });
    const restarted = once(db, "shard-restart");
    process.kill((await shardPids(db))[0]!, "SIGKILL");
    await restarted;
    await db.stats();
    const tokens = fs.readFileSync(spied, "utf8").trim().split("\n");
    expect(new Set(tokens).size).to.equal(6);
    for (const token of tokens) {
      expect(token).to.match(/^[0-9a-f]{64}$/);
    }
  });
});

describe("A shard that sends what is no frame", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("loses its connection and is started anew; the other shard and all data stay", async () => {
    const { root } = stores();
    const module = path.join(root, "babbling.mjs");
    const marker = path.join(root, "babbled");
    // Once, the first shard to be asked for it writes garbage of its own into the connection.
    fs.writeFileSync(
      module,
      `import fs from "node:fs";
import net from "node:net";
const write = net.Socket.prototype.write;
let frames = 0;
net.Socket.prototype.write = function (...parameters) {
  frames += 1;
  if (frames === 12 && !fs.existsSync(${JSON.stringify(marker)})) {
    fs.writeFileSync(${JSON.stringify(marker)}, "");
    return write.call(this, Buffer.alloc(64, 0xff));
  }
  return write.apply(this, parameters);
};
await import(${JSON.stringify(defaultShardModule.href)});
`,
    );
    const db = await stores().open({ shards: 2, shardModule: new URL(`file://${module}`) });
    const restarted = once(db, "shard-restart");
    const written: string[] = [];
    for (let at = 0; at < 60; at++) {
      written.push(`key-${at}`);
      await db.put(`key-${at}`, at, { durability: "background" });
    }
    const [{ reason }] = (await restarted) as [{ reason: string }];
    expect(reason).to.include("sent what is no frame");
    expect(await db.getMany(written)).to.deep.equal(written.map((_, at) => at));
    expect((await db.stats()).restarts).to.equal(1);
  });
});
