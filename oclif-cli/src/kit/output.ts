/** Writes results with backpressure, so that a large scan into a slow pipe does not fill the memory. */

import { performance } from "node:perf_hooks";
import type { Writable } from "node:stream";

const chunkCharacters = 32 * 1024;
/** Lines are written at least this often, so that a person who watches a slow scan sees them. */
const maxDelayMs = 100;

/**
 * Nobody reads our output any more (`| head -1`), or the disk is full, which main.ts reports: stop producing, nothing
 * else.
 */
export class OutputClosed extends Error {
  constructor() {
    super("The output was closed");
  }
}

/** Collects lines and writes them in large pieces. Call `flush()` at the end. */
export class LineWriter {
  readonly #stream: Writable;
  #pending = "";
  #flushedMs = 0;

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream;
  }

  /** For few lines: they are written by the next `flush()`. */
  say(text: string): void {
    this.#pending += text;
    this.#pending += "\n";
  }

  /** For many lines: await it, because it waits for a slow reader. @throws OutputClosed */
  line(text: string): Promise<void> | undefined {
    this.say(text);
    if (this.#pending.length < chunkCharacters && performance.now() - this.#flushedMs < maxDelayMs) {
      return undefined;
    }
    return this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    this.#flushedMs = performance.now();
    if (text !== "") {
      await write(this.#stream, text);
    }
  }
}

/** Writes and waits until the stream can take more. @throws OutputClosed */
export async function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (stream.destroyed || stream.errored || stream.writableEnded) {
    throw new OutputClosed();
  }
  if (stream.write(data)) {
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const settle = (finish: () => void) => (): void => {
      stream.off("drain", drained);
      stream.off("close", failed);
      stream.off("error", failed);
      finish();
    };
    const drained = settle(resolve);
    const failed = settle(() => reject(new OutputClosed()));
    stream.once("drain", drained);
    stream.once("close", failed);
    stream.once("error", failed);
  });
}
