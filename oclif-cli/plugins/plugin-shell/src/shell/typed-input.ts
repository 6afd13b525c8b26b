/**
 * Passes the keyboard's input to readline one line at a time. Text that is typed or pasted while a command runs waits,
 * unseen, for the next prompt, so that every line appears after its prompt and above its own output. Ctrl-C never
 * waits: it is passed on immediately and drops what was waiting.
 */

import { Readable } from "node:stream";
import type { ReadStream } from "node:tty";

const interruptKey = "\x03";
/** A line with its end, which may be two characters, or a piece up to a Tab, because a completion takes a moment. */
const piecePattern = /^[^\r\n\t]*(?:\r\n?|\n|\t)?/;
/** Keys that end a live table and do not begin the next command: q, space, Enter, Escape. */
const dismissingKeys = new Set(["q", "Q", " ", "\r", "\n", "\x1b"]);

export class TypedInput extends Readable {
  readonly #terminal: ReadStream;
  #waiting = "";
  /** Closed from the end of a line until the next prompt. */
  #isOpen = false;
  #keyWanted: (() => void) | undefined;

  constructor(terminal: ReadStream) {
    super({ read: () => {} });
    this.#terminal = terminal;
    terminal.setEncoding("utf8");
    terminal.on("data", this.#accept);
    terminal.on("end", this.#end);
    // If a terminal is gone, for example because its window was closed, it can be neither read nor switched: its input
    // has ended. The listener stays, because readline switches the terminal back when it closes.
    terminal.on("error", this.#end);
  }

  /** The prompt is shown, so the next line may come. */
  open(): void {
    this.#isOpen = true;
    this.#pass();
  }

  /** Resolves at the next key, or immediately if some are waiting; rejects when `signal` is aborted. */
  async nextKey(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting !== "") {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.#keyWanted = undefined;
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#keyWanted = () => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
    });
  }

  /** readline switches the terminal's mode through its input. */
  setRawMode(isRaw: boolean): this {
    this.#terminal.setRawMode(isRaw);
    return this;
  }

  get isRaw(): boolean {
    return this.#terminal.isRaw;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#terminal.off("data", this.#accept);
    this.#terminal.off("end", this.#end);
    this.#terminal.pause();
    done(error);
  }

  readonly #accept = (chunk: string | Uint8Array): void => {
    const text = String(chunk);
    const wanted = this.#keyWanted;
    this.#keyWanted = undefined;
    wanted?.();
    if (!(wanted && dismissingKeys.has(text))) {
      this.#waiting += text;
      this.#pass();
    }
  };

  readonly #end = (): void => {
    this.push(null);
  };

  #pass(): void {
    while (this.#isOpen && this.#waiting !== "") {
      const piece = piecePattern.exec(this.#waiting)![0];
      this.#waiting = this.#waiting.slice(piece.length);
      this.#isOpen = !/[\r\n]$/.test(piece);
      this.push(piece);
    }
    const interrupt = this.#waiting.lastIndexOf(interruptKey);
    if (interrupt !== -1) {
      this.#waiting = this.#waiting.slice(interrupt + 1);
      this.push(interruptKey);
    }
  }
}
