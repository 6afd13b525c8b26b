/**
 * Reads entries from a stream with constant memory, whatever its size: a JSON array of pairs or objects, or JSON lines.
 * The first characters show the format: `[[`, `[{` and `[]` begin an array, anything else a line. Entries come in
 * groups, one for each chunk of the stream, because a step of an async generator costs as much as an entry.
 */

import { isUtf8 } from "node:buffer";
import { TextDecoder } from "node:util";
import { CommandFailure, describeError } from "fastkv-cli/kit/failure";
import { type Entry, entryFromJson } from "./entry.js";

/** One line (or one item of an array) may have at most this many bytes. */
const maxItemBytes = 256 * 1024 * 1024;
const lineFeed = 0x0a;

/** @throws CommandFailure that names the invalid line or item */
export async function* readEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<Entry[]> {
  const input = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let ended = false;
  let kind: "array" | "lines" | undefined;
  while (kind === undefined && !ended) {
    const { done, value } = await input.next();
    ended = done === true;
    if (!ended) {
      head = Buffer.concat([head, value as Uint8Array]);
    }
    kind = detect(head);
  }
  const rest = concatenated(withoutMark(head), input, ended);
  yield* kind === "array" ? readArray(rest) : readLines(rest);
}

/** Removes a byte order mark, which is not content. */
function withoutMark(head: Buffer): Buffer {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
}

/** Undefined until more bytes are known. */
function detect(head: Buffer): "array" | "lines" | undefined {
  if (head[0] === 0xef && head.length < 3) {
    return undefined;
  }
  const match = /^[ \t\r\n]*([^ \t\r\n])[ \t\r\n]*([^ \t\r\n])/.exec(withoutMark(head).toString("latin1"));
  if (!match) {
    return undefined;
  }
  return match[1] === "[" && "[{]".includes(match[2]!) ? "array" : "lines";
}

async function* concatenated(
  head: Buffer,
  input: AsyncIterator<Uint8Array>,
  ended: boolean,
): AsyncGenerator<Buffer> {
  try {
    yield head;
    while (!ended) {
      const { done, value } = await input.next();
      if (done) {
        return;
      }
      yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  } finally {
    await input.return?.();
  }
}

async function* readLines(source: AsyncIterable<Buffer>): AsyncGenerator<Entry[]> {
  let parts: Buffer[] = [];
  let partBytes = 0;
  let number = 0;
  for await (const chunk of source) {
    const entries: Entry[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      number++;
      const line = chunk.subarray(start, end);
      const entry = parseLine(parts.length === 0 ? line : Buffer.concat([...parts, line]), number);
      parts = [];
      partBytes = 0;
      start = end + 1;
      if (entry) {
        entries.push(entry);
      }
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      partBytes += chunk.length - start;
      if (partBytes > maxItemBytes) {
        throw new CommandFailure(`Line ${number + 1} is longer than ${maxItemBytes} bytes`);
      }
    }
    yield entries;
  }
  const last = parseLine(Buffer.concat(parts), number + 1);
  if (last) {
    yield [last];
  }
}

function parseLine(line: Buffer, number: number): Entry | undefined {
  const where = `Line ${number}`;
  if (!isUtf8(line)) {
    throw new CommandFailure(`${where} is not UTF-8`);
  }
  const text = line.toString("utf8").trim();
  if (text === "") {
    return undefined;
  }
  let item: unknown;
  try {
    item = JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`${where} is not JSON: ${describeError(error)}`, { cause: error });
  }
  return entryFromJson(item, where);
}

async function* readArray(source: AsyncIterable<Buffer>): AsyncGenerator<Entry[]> {
  // Imported only here: JSON lines, the usual form, do not need it.
  const { JSONParser } = await import("@streamparser/json");
  const parser = new JSONParser({ paths: ["$.*"], keepStack: false });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let items: unknown[] = [];
  let count = 0;
  let failure: Error | undefined;
  parser.onValue = ({ value }) => {
    items.push(value);
  };
  parser.onError = (error) => {
    failure ??= error;
  };
  for await (const chunk of source) {
    // After the closing bracket only whitespace may follow; the parser itself would ignore anything there.
    if (parser.isEnded) {
      if (chunk.toString("latin1").trim() !== "") {
        throw new CommandFailure(`Something follows the end of the array, behind item ${count}`);
      }
      continue;
    }
    parser.write(decodeChunk(decoder, chunk, count));
    yield items.map((item, index) => entryFromJson(item, `Item ${count + index + 1}`));
    count += items.length;
    items = [];
    if (failure) {
      throw new CommandFailure(`Not JSON behind item ${count}: ${describeError(failure)}`, {
        cause: failure,
      });
    }
  }
  if (!parser.isEnded) {
    throw new CommandFailure(`The JSON ends within the array, behind item ${count}`);
  }
}

function decodeChunk(decoder: TextDecoder, chunk: Buffer, count: number): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw new CommandFailure(`The file is not UTF-8, behind item ${count}`, { cause: error });
  }
}
