/**
 * Frames over real sockets, between real processes. Strangers talk to a coordinator's socket; shards send it changed
 * frames; and a coordinator of ours sends a real shard changed frames. What is malformed costs that connection; the
 * program with the coordinator lives on, and so does each database that has nothing to do with it; a shard ends by itself
 * and leaves files that open.
 */

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { FastKVError } from "../../../../shared/errors.js";
import { OperationSection, operationKind } from "../../../../shared/format/operations.js";
import {
  encodeMessage,
  frameType,
  operationsHeaderBytes,
  writeOperationsHeader,
} from "../../../../shared/wire/frame.js";
import { MemoryMeter } from "../../../support/memory.js";
import { Random } from "../../../support/random.js";
import type { TortureContext } from "../../group.js";
import { readCorpus, targets } from "./corpus.js";
import { FakeCoordinator } from "./fake-coordinator.js";
import { mutate } from "./mutate.js";

const patienceMs = 30_000;
const mostBytes = 128 * 1024 * 1024;
const strangersAtOnce = 50;

export type SocketCounts = Record<"strangers" | "mangled shards" | "mangled frames to shards", number>;

const frames = targets.find((target) => target.name === "frames")!;

export async function fuzzSockets(context: TortureContext, untilMs: number): Promise<SocketCounts> {
  const counts: SocketCounts = { strangers: 0, "mangled shards": 0, "mangled frames to shards": 0 };
  const corpus = [...readCorpus(frames).values()];
  do {
    const seed = context.random.next32();
    try {
      const random = new Random(seed);
      counts.strangers += await meetStrangers(context, corpus, random);
      await meetMangledShard(context, random);
      counts["mangled shards"] += 1;
      counts["mangled frames to shards"] += await mangleToShard(context, corpus, random);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`sockets with seed ${seed}: ${message}`, { cause: error });
    }
  } while (performance.now() < untilMs && counts.strangers < context.cases);
  return counts;
}

function socketIn(runtimeFolder: string): string {
  return path.join(runtimeFolder, fs.readdirSync(runtimeFolder)[0]!, "s");
}

/** An input that no stranger can get anything with: the tokens are drawn anew at each start. */
async function meetStrangers(context: TortureContext, corpus: Buffer[], random: Random): Promise<number> {
  const runtimeFolder = context.folder();
  const db = await context.store.FastKV.open(path.join(context.folder(), "store"), {
    runtimeFolder,
    handleSignals: false,
  });
  const meter = new MemoryMeter();
  meter.start();
  const socketPath = socketIn(runtimeFolder);
  const inputs = Array.from({ length: strangersAtOnce }, () => {
    const bytes = mutate(random.pick(corpus), corpus, random, (now) => frames.fieldsOf!(now));
    return random.chance(0.5) ? resealed(bytes) : bytes;
  });
  const wrong = [undefined, "", "x".repeat(64), 5, { toString: 1 }].map((token) =>
    encodeMessage(frameType.request, 0, { token, shardIndex: 0, pid: process.pid }),
  );
  await Promise.all([...inputs, ...wrong].map((bytes) => cutOff(socketPath, bytes)));
  await db.batchPut(Array.from({ length: 20 }, (_, at): [string, number] => [`k${at}`, at]));
  const { restarts } = await db.stats();
  if ((await db.count()) !== 20 || restarts !== 0) {
    throw new Error(`Strangers disturbed a database: ${restarts} restarts`);
  }
  const { tookBytes } = meter;
  if (tookBytes > mostBytes) {
    throw new Error(`TOO MUCH MEMORY for strangers: ${tookBytes} bytes`);
  }
  await db.close();
  return inputs.length + wrong.length;
}

function resealed(bytes: Buffer): Buffer {
  frames.reseal!(bytes);
  return bytes;
}

/** Resolves when the stranger was cut off; one whose frame is not whole yet leaves by itself. */
function cutOff(socketPath: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.end(bytes));
    const timer = setTimeout(() => reject(new Error("A stranger was not let go")), patienceMs);
    socket.resume();
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Every call ends, with an answer or an error of ours, whatever shards say; another database notices nothing. */
async function meetMangledShard(context: TortureContext, random: Random): Promise<void> {
  const { FastKV } = context.store;
  const neighbour = await FastKV.open(path.join(context.folder(), "neighbour"), { handleSignals: false });
  const mangle = new URL(`./mangle.js?seed=${random.next32()}`, import.meta.url);
  const folder = path.join(context.folder(), "store");
  const attempt = async (call: () => Promise<unknown>): Promise<void> => {
    const timely = withPatience(call());
    await timely.catch((error: unknown) => {
      if (!(error instanceof FastKVError || (error as Error).name === "FastKVError")) {
        throw error;
      }
    });
  };
  await attempt(async () => {
    const db = await FastKV.open(folder, { handleSignals: false, execArgv: ["--import", mangle.href] });
    for (let round = 0; round < 30; round++) {
      const keys = Array.from({ length: 10 }, () => `k${random.int(50)}`);
      await Promise.all([
        ...keys.map((key) => attempt(() => db.put(key, round))),
        ...keys.map((key) => attempt(() => db.get(key))),
        attempt(() => db.batchPut(keys.map((key) => [key, round]))),
        attempt(() => db.scan({ limit: 20 }).toArray()),
        attempt(() => db.stats()),
      ]);
    }
    await attempt(() => db.close());
  });
  await neighbour.put("still", "there");
  if ((await neighbour.get("still")) !== "there") {
    throw new Error("Another database was disturbed");
  }
  await neighbour.close();
}

async function withPatience<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${patienceMs} ms`)), patienceMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** A frame as it should be around writes that are not: they must not get into the WAL, which nobody could replay then. */
function malformedWrites(random: Random): Buffer {
  const section = new OperationSection(64);
  const [key, value] = [Buffer.from("key"), Buffer.from("5")];
  section.append({ kind: operationKind.put, tag: 1, expiresAt: 0, logged: false, key, value }, 0);
  const writes = Buffer.from(section.bytes());
  const [at, byte] = random.pick([
    [0, 0],
    [0, 0xc1],
    [2, 0xff],
    [4, 0xff],
  ] as const);
  writes[at] = byte;
  const frame = Buffer.alloc(operationsHeaderBytes + writes.length);
  const sequence = 1_000_000 + random.int(1000);
  writeOperationsHeader(frame, {
    flags: 0,
    timeMs: 1_700_000_000_000,
    firstSequence: sequence,
    lastSequence: sequence,
    logSyncedSequence: 0,
    confirmedSequence: 0,
    writeBytes: writes.length,
    readBytes: 0,
  });
  writes.copy(frame, operationsHeaderBytes);
  return frame;
}

/** Gives the number of changed frames that a real shard was sent. */
async function mangleToShard(context: TortureContext, corpus: Buffer[], random: Random): Promise<number> {
  const folder = context.folder();
  let sent = 0;
  for (let start = 0; start < 4; start++) {
    const shard = await FakeCoordinator.start(folder, context.storeUrl);
    shard.put(start * 10 + 1, "sound", `value ${start}`);
    const isAlive = (): boolean => !shard.hasEnded;
    for (let one = 0; one < 20 && isAlive(); one++) {
      const bytes = mutate(random.pick([...corpus, shard.lastFrame]), corpus, random, (now) =>
        frames.fieldsOf!(now),
      );
      // The first frame that is malformed is the last one that the shard looks at.
      shard.send(one === 0 && random.chance(0.5) ? malformedWrites(random) : resealed(bytes));
      sent += 1;
      await shard.turn();
    }
    await shard.end(patienceMs);
    if (shard.mostRssBytes > 4 * mostBytes) {
      throw new Error(`TOO MUCH MEMORY in a shard: ${shard.mostRssBytes} bytes`);
    }
  }
  const last = await FakeCoordinator.start(folder, context.storeUrl);
  await last.end(patienceMs);
  return sent;
}
