/**
 * A shard as seen through its connection: opens the engine on request, passes frames to the mailbox in order, and
 * answers requests. It knows neither sockets nor processes: main.ts provides those, and tests provide a simulated disk.
 */

import { byteStringOf, excerpt } from "../shared/bytes.js";
import { FastKVError, invariant, toErrorReport } from "../shared/errors.js";
import type { FileSystem } from "../shared/storage/file-system.js";
import { decodeMessage, encodeMessage, frameType, frameTypeOf, type Message } from "../shared/wire/frame.js";
import type {
  CloseReply,
  OpenReply,
  OpenRequest,
  SettleReply,
  ShardEvent,
  ShardRequest,
  ShardSettings,
} from "../shared/wire/messages.js";
import { decodePageRequest } from "../shared/wire/page.js";
import { DamageReporter } from "./damage-reporter.js";
import { Engine } from "./engine/engine.js";
import type { JobRunner } from "./engine/jobs/job-runner.js";
import { ReportingJobRunner } from "./engine/jobs/reporting-job-runner.js";
import { readPage } from "./engine/read-path/reads.js";
import { checkCodecAvailable } from "./engine/table/compression.js";
import { Mailbox } from "./mailbox.js";
import { PageWriter } from "./page-writer.js";
import { gatherStatistics } from "./statistics.js";

export interface ShardHost {
  fileSystem: FileSystem;
  makeJobRunner(settings: ShardSettings): JobRunner;
  /** `onSent` is called when the frame's memory is no longer needed; the host may omit the call. */
  send(frame: Buffer, onSent?: () => void): void;
  setTimer(call: () => void, delayMs: number): () => void;
  monotonicMs(): number;
  loopDelay(): { p99: number; p999: number; max: number };
  /** The shard cannot go on: its process must end after what it has sent. */
  onFatal(error: unknown): void;
  /** The engine is closed and the reply is sent. */
  onClosed(): void;
}

/** A page may examine this many versions that nobody sees for each entry that it may have ... */
const examinedPerEntry = 4;
/** ... and at least this many in any case: a reader of one key after thousands of deleted ones waits for one page. */
const leastExamined = 8192;

export class ShardServer {
  readonly #host: ShardHost;
  readonly #damage = new DamageReporter((event) => this.#tell(event));
  #engine: Engine | undefined;
  #mailbox: Mailbox | undefined;
  readonly #page = new PageWriter();

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

  /** The coordinator is gone: syncs what was taken and closes the engine. Always resolves. */
  async leave(): Promise<void> {
    try {
      this.#mailbox?.close();
      await this.#engine?.close({ atOnce: true });
    } catch (error) {
      this.#host.onFatal(error);
    }
  }

  /** Returns what later frames have to wait for. */
  #onMessage(frame: Buffer): Promise<unknown> | undefined {
    if (frameTypeOf(frame) === frameType.pageRequest) {
      this.#answerPage(frame);
      return undefined;
    }
    const message = decodeMessage(frame);
    const request = message.meta as ShardRequest;
    // The memtable is sealed at the request's place in the order, and no write is taken in between.
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
          // Nobody waits for this reply, and without `resume` nothing is flushed or compacted.
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
    this.#damage.note(error);
    this.#host.send(encodeMessage(frameType.failure, id, toErrorReport(error)));
  }

  /** Synchronous: nothing in the page may change, and no later page may be built, before it is sent. */
  #answerPage(frame: Buffer): void {
    const { id, request, released } = decodePageRequest(frame);
    try {
      const engine = this.#engine;
      invariant(engine !== undefined, "a shard is opened first");
      if (released.length > 0) {
        release(engine, released);
      }
      const at = { sequence: request.sequence, timeMs: request.timeMs };
      if (request.holdId !== 0) {
        engine.holds.take(request.holdId, at);
      }
      const page = this.#page;
      page.start(request.mode);
      const { lower, upper, reverse, maxEntries, maxBytes } = request;
      const rest = readPage(
        engine.view(),
        {
          range: { lower: byteStringOf(lower), upper: upper === null ? null : byteStringOf(upper) },
          reverse,
          at,
          maxEntries,
          maxBytes,
          maxExamined: Math.max(leastExamined, maxEntries * examinedPerEntry),
        },
        (key, entry) => page.add(key, entry),
      );
      const { frame: answer, release: giveBack } = page.take(id, rest);
      this.#host.send(answer, giveBack);
    } catch (error) {
      this.#sendFailure(id, error);
    }
  }

  /** Runs at the message's place in the order of frames, up to its first await. */
  async #perform(
    message: Message,
    request: ShardRequest,
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
        const isSettled = await engine.settleDebts();
        this.#mailbox!.noteSynced();
        return { meta: { isSettled } satisfies SettleReply };
      }
      case "flush":
        engine.noteTime(request.timeMs);
        await engine.flush();
        return {};
      case "compact":
        engine.noteTime(request.timeMs);
        await engine.compactAll();
        return {};
      case "close":
        this.#mailbox!.close();
        await engine.close({ atOnce: request.atOnce });
        return { meta: { syncedSequence: engine.syncedSequence } satisfies CloseReply };
      default:
        throw new FastKVError(
          "FASTKV_INTERNAL",
          `Unknown request ${excerpt(String((request satisfies never as { type?: unknown }).type))}`,
        );
    }
  }

  #open(request: OpenRequest): OpenReply {
    const host = this.#host;
    invariant(this.#engine === undefined, "a shard is opened once");
    // Otherwise the database would take writes that it cannot flush.
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
        jobs: new ReportingJobRunner(host.makeJobRunner(request.settings), host.monotonicMs, (report) =>
          this.#tell({ type: "work", ...report }),
        ),
        setTimer: (call, delayMs) => host.setTimer(call, delayMs),
      },
      request.settings,
      {
        onSynced: () => this.#mailbox?.noteSynced(),
        onProgress: () => this.#mailbox?.noteProgress(),
        onFatal: (error) => this.#onFatal(error),
        onBackgroundError: (error) => {
          this.#damage.note(error);
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
      onReadError: (error) => this.#damage.note(error),
      onStall: (stall) => this.#tell({ type: "stall", ...stall }),
      onFatal: (error) => this.#onFatal(error),
      setTimer: (call, delayMs) => host.setTimer(call, delayMs),
      monotonicMs: () => host.monotonicMs(),
    });
    return { lastSequence: engine.syncedSequence, timeMs: engine.timeMs, recovery: engine.report };
  }

  #onFatal(error: unknown): void {
    this.#damage.note(error);
    const { code, message } = toErrorReport(error);
    this.#tell({ type: "fatal", code, message });
    this.#host.onFatal(error);
  }

  #tell(event: ShardEvent): void {
    this.#host.send(encodeMessage(frameType.event, 0, event));
  }
}

function release(engine: Engine, holds: readonly number[]): void {
  for (const id of holds) {
    engine.holds.release(id);
  }
  engine.compactor.schedule();
}
