/**
 * A shard behind its connection: opens the engine when it is told to, hands frames to the mailbox in order, and
 * answers requests. It knows neither sockets nor processes: main.ts gives it those, tests give it a simulated disk.
 */

import { asBuffer, byteStringOf, bytesOf } from "../shared/bytes.js";
import { FastKVError, invariant, toErrorReport } from "../shared/errors.js";
import type { FileSystem } from "../shared/storage/file-system.js";
import { decodeMessage, encodeMessage, frameType, type Message } from "../shared/wire/frame.js";
import type {
  OpenReply,
  OpenRequest,
  PageMeta,
  PageReply,
  SettleReply,
  ShardEvent,
  ShardRequest,
  ShardSettings,
} from "../shared/wire/messages.js";
import { Engine } from "./engine/engine.js";
import type { JobRunner } from "./engine/jobs/job-runner.js";
import { readPage } from "./engine/reads.js";
import { checkCodecAvailable } from "./engine/table/compression.js";
import { Mailbox } from "./mailbox.js";
import { gatherStatistics } from "./statistics.js";

export interface ShardHost {
  fileSystem: FileSystem;
  makeJobRunner(settings: ShardSettings): JobRunner;
  send(frame: Buffer): void;
  setTimer(call: () => void, delayMs: number): () => void;
  monotonicMs(): number;
  loopDelay(): { p99: number; p999: number; max: number };
  /** The shard cannot go on: after what it has sent, its process must end. */
  onFatal(error: unknown): void;
  /** The engine is closed and the reply sent. */
  onClosed(): void;
}

/** A page may look at so many versions that nobody sees, for each entry it may have. */
const examinedPerEntry = 4;
const pageEntryHeaderBytes = 16;
const mostKeptPageBytes = 1024 * 1024;

export class ShardServer {
  readonly #host: ShardHost;
  #engine: Engine | undefined;
  #mailbox: Mailbox | undefined;
  /** Where pages are put together, over and over: what is sent is copied from here. */
  #page = Buffer.allocUnsafeSlow(16 * 1024);

  constructor(host: ShardHost) {
    this.#host = host;
  }

  /** Handles the frames of one chunk. */
  receive(frames: readonly Buffer[]): void {
    for (const frame of frames) {
      if (this.#mailbox === undefined) {
        void this.#onMessage(frame);
      } else {
        this.#mailbox.push(frame);
      }
    }
    this.#mailbox?.drain();
  }

  /** The coordinator is gone: what was taken is synced and the engine closed. Resolves in any case. */
  async leave(): Promise<void> {
    try {
      this.#mailbox?.close();
      await this.#engine?.close({ atOnce: true });
    } catch (error) {
      this.#host.onFatal(error);
    }
  }

  /** Gives back what later frames have to wait for. */
  #onMessage(frame: Buffer): Promise<void> | undefined {
    const message = decodeMessage(frame);
    const request = message.meta as ShardRequest;
    if (request.type === "page") {
      this.#answerPage(message.id, request);
      return undefined;
    }
    // The memtable is sealed at the request's place in the order, and no write comes in between.
    const sealed = request.type === "flush" || request.type === "compact" ? this.#engine?.seal() : undefined;
    this.#perform(message, request).then(
      (reply) => {
        if (message.id !== 0 && reply !== undefined) {
          this.#host.send(encodeMessage(frameType.reply, message.id, reply.meta ?? {}, reply.raw));
        }
        if (request.type === "close") {
          this.#host.onClosed();
        }
      },
      (error: unknown) => {
        this.#sendFailure(message.id, error);
        if (request.type === "resume") {
          // Nobody waits for it, and without it nothing is flushed or compacted.
          this.#onFatal(error);
        }
        if (request.type === "open") {
          this.#host.onClosed();
        }
      },
    );
    return sealed;
  }

  #sendFailure(id: number, error: unknown): void {
    this.#host.send(encodeMessage(frameType.failure, id, toErrorReport(error)));
  }

  /** At once: nothing of the page may change, and no later page may be put together, before it is sent. */
  #answerPage(id: number, request: PageMeta): void {
    try {
      invariant(this.#engine !== undefined, "a shard is opened first");
      const { meta, raw } = this.#readPage(this.#engine, request);
      this.#host.send(encodeMessage(frameType.reply, id, meta, raw));
    } catch (error) {
      this.#sendFailure(id, error);
    }
  }

  /** Runs, up to its first await, at the message's place in the order of frames. */
  async #perform(
    message: Message,
    request: Exclude<ShardRequest, PageMeta>,
  ): Promise<{ meta?: unknown; raw?: Buffer } | undefined> {
    if (request.type === "open") {
      return { meta: this.#open(request) };
    }
    const engine = this.#engine;
    invariant(engine !== undefined, "a shard is opened first");
    switch (request.type) {
      case "resume": {
        const held = request.holds.map(({ id, sequence, timeMs }) => ({ id, hold: { sequence, timeMs } }));
        await engine.resume(held, new Set(request.committedLoads));
        return {};
      }
      case "hold":
        engine.holds.take(request.id, { sequence: request.sequence, timeMs: request.timeMs });
        return {};
      case "release":
        release(engine, request.ids);
        return {};
      case "load-begin":
        engine.loads.begin(request.loadId);
        return {};
      case "load-data":
        await engine.loads.append(request.loadId, message.raw, request.entries);
        return {};
      case "load-finish":
        return { meta: { keys: await engine.loads.finish(request.loadId) } };
      case "load-abandon":
        await engine.loads.abandon(request.loadId);
        return {};
      case "stats":
        return { meta: gatherStatistics(engine, this.#mailbox!.stalls, this.#host.loopDelay()) };
      case "settle": {
        const isSettled = engine.settleDebts();
        this.#mailbox!.noteSynced();
        return { meta: { isSettled } satisfies SettleReply };
      }
      case "flush":
        await engine.flush();
        return {};
      case "compact":
        await engine.flush();
        await engine.tree.compactAll();
        return {};
      case "close":
        this.#mailbox!.close();
        await engine.close({ atOnce: false });
        return {};
      default:
        throw new FastKVError(
          "FASTKV_INTERNAL",
          `Unknown request ${JSON.stringify(request satisfies never)}`,
        );
    }
  }

  #open(request: OpenRequest): OpenReply {
    const host = this.#host;
    invariant(this.#engine === undefined, "a shard is opened once");
    // Else a database would take writes that it cannot flush.
    checkCodecAvailable(request.settings.compression);
    const engine = Engine.open(
      {
        fileSystem: host.fileSystem,
        folder: request.folder,
        shard: {
          databaseId: new Uint8Array(request.databaseId),
          shardIndex: request.shardIndex,
          epoch: request.epoch,
        },
        jobs: host.makeJobRunner(request.settings),
        setTimer: (call, delayMs) => host.setTimer(call, delayMs),
      },
      request.settings,
      {
        onSynced: () => this.#mailbox?.noteSynced(),
        onProgress: () => this.#mailbox?.noteProgress(),
        onFatal: (error) => this.#onFatal(error),
        onBackgroundError: (error) => {
          const { code, message } = toErrorReport(error);
          this.#tell({ type: "background-error", code, message });
        },
      },
      {
        create: request.create,
        logged: {
          cutSequence: request.logCutSequence,
          sequences: new Set(request.loggedSequences),
          syncedSequence: request.logSyncedSequence,
        },
      },
    );
    this.#engine = engine;
    this.#mailbox = new Mailbox(engine, {
      send: (frame) => host.send(frame),
      onMessage: (frame) => this.#onMessage(frame),
      onStall: (stall) => this.#tell({ type: "stall", ...stall }),
      onFatal: (error) => this.#onFatal(error),
      setTimer: (call, delayMs) => host.setTimer(call, delayMs),
      monotonicMs: () => host.monotonicMs(),
    });
    return { lastSequence: engine.syncedSequence, timeMs: engine.timeMs, recovery: engine.report };
  }

  #onFatal(error: unknown): void {
    const { code, message } = toErrorReport(error);
    this.#tell({ type: "fatal", code, message });
    this.#host.onFatal(error);
  }

  #tell(event: ShardEvent): void {
    this.#host.send(encodeMessage(frameType.event, 0, event));
  }

  /**
   * A page of a scan, a key listing or a count. Its raw bytes are entries, one behind the other: key length (2),
   * encoding tag (1), zero (1), value length (4), expiry in ms or 0 (8, float64), key, value; none for a count.
   */
  #readPage(engine: Engine, request: PageMeta): { meta: PageReply; raw: Buffer } {
    if (request.released !== undefined) {
      release(engine, request.released);
    }
    const at = { sequence: request.sequence, timeMs: request.timeMs };
    if (request.holdId !== 0) {
      engine.holds.take(request.holdId, at);
    }
    const withValue = request.mode === "entries";
    const isCount = request.mode === "count";
    let raw = this.#page;
    let length = 0;
    let entries = 0;
    const rest = readPage(
      engine.view(),
      {
        range: {
          lower: byteStringOf(request.lower),
          upper: request.upper === null ? null : byteStringOf(request.upper),
        },
        reverse: request.reverse,
        at,
        maxEntries: request.maxEntries,
        maxBytes: request.maxBytes,
        maxExamined: request.maxEntries * examinedPerEntry + 64,
      },
      (key, entry) => {
        entries += 1;
        if (isCount) {
          return 0;
        }
        const valueBytes = withValue ? entry.valueEnd - entry.valueStart : 0;
        const needed = pageEntryHeaderBytes + key.length + valueBytes;
        if (length + needed > raw.length) {
          const larger = Buffer.allocUnsafeSlow(Math.max(length + needed, raw.length * 2));
          raw.copy(larger, 0, 0, length);
          raw = larger;
          if (raw.length <= mostKeptPageBytes) {
            this.#page = raw;
          }
        }
        raw.writeUInt16LE(key.length, length);
        raw[length + 2] = entry.tag;
        raw[length + 3] = 0;
        raw.writeUInt32LE(valueBytes, length + 4);
        raw.writeDoubleLE(entry.expiresAt, length + 8);
        const keyStart = length + pageEntryHeaderBytes;
        raw.latin1Write(key, keyStart);
        if (valueBytes > 0) {
          entry.valueBuffer.copy(raw, keyStart + key.length, entry.valueStart, entry.valueEnd);
        }
        length += needed;
        return needed;
      },
    );
    return {
      meta: { entries, rest: rest === undefined ? null : wireRange(rest) },
      raw: raw.subarray(0, length),
    };
  }
}

function release(engine: Engine, holds: readonly number[]): void {
  for (const id of holds) {
    engine.holds.release(id);
  }
  engine.tree.schedule();
}

function wireRange(range: { lower: string; upper: string | null }): {
  lower: Uint8Array;
  upper: Uint8Array | null;
} {
  return { lower: asBuffer(bytesOf(range.lower)), upper: range.upper === null ? null : bytesOf(range.upper) };
}
