/** put, delete, and batches. */

import type { BatchOperation, ValueEncoding } from "fastkv";
import { counted } from "fastkv-cli/kit/counted";
import { parseDurationMs } from "fastkv-cli/kit/duration";
import { CommandFailure } from "fastkv-cli/kit/failure";
import { doubtAbout, encodingFor, losesQuotes, parseValue } from "../../text/value.js";
import { type CommandArguments, type ShellCommand, untilAborted } from "../command.js";
import { keyCommand } from "../key-command.js";
import type { Session, SessionBatch } from "../session.js";

const encodings: readonly string[] = ["json", "msgpack", "structured", "binary"] satisfies ValueEncoding[];

const put: ShellCommand = {
  name: "put",
  usage: "put KEY VALUE [--encoding json|msgpack|structured|binary] [--ttl TIME]",
  summary: "store a value",
  details: [
    "A value that is JSON is stored as what it says, anything else as a string:",
    `  put user:1 '{"name": "Alice"}'   an object`,
    "  put n 5                          the number 5",
    `  put n '"5"'                      the string "5"`,
    "  put note 'two words'             a string",
    "--ttl takes 1500 (ms), 90s, 5m, 2h or 7d: the key is gone after that time.",
  ].join("\n"),
  options: { encoding: "text", ttl: "text" },
  words: [2, 2],
  completes: ["key", []],
  async run(session, args, signal) {
    const operation = readPut(args);
    const doubt = doubtAbout(args.word(1)!, operation.value);
    if (doubt !== undefined) {
      session.hint(doubt);
    }
    const { type: _, key, value, ...options } = operation;
    const write = (): Promise<void> => session.db.put(key, value, options);
    session.output.say(await untilAborted(queueOr(session, operation, write), signal));
  },
};

type PutOperation = Extract<BatchOperation, { type: "put" }>;

function readPut(args: CommandArguments): PutOperation {
  const encodingName = args.option("encoding");
  if (encodingName !== undefined && !encodings.includes(encodingName)) {
    throw new CommandFailure(`Unknown encoding "${encodingName}"; known are ${encodings.join(", ")}`);
  }
  if (losesQuotes(args.raw(1)!, args.word(1)!)) {
    throw new CommandFailure(
      `The quotes in this value would be lost. Put single quotes around JSON: put k '{"a": 1}'`,
    );
  }
  const value = parseValue(args.word(1)!, encodingName as ValueEncoding | undefined);
  const operation: PutOperation = { type: "put", key: args.key(0), value };
  const encoding = encodingFor(value, encodingName as ValueEncoding | undefined);
  if (encoding !== undefined) {
    operation.encoding = encoding;
  }
  const ttl = args.option("ttl");
  if (ttl !== undefined) {
    const ms = parseDurationMs(ttl);
    if (ms === undefined) {
      throw new CommandFailure(`"${ttl}" is no time: write 1500 (ms), 90s, 5m, 2h or 7d`);
    }
    operation.ttl = ms;
  }
  return operation;
}

const remove = keyCommand("delete", "remove a key", (session, key) =>
  queueOr(session, { type: "del", key }, () => session.db.delete(key)),
);

/** Adds the operation to the open batch, or else does it now. Returns the text to print. */
async function queueOr(
  session: Session,
  operation: BatchOperation,
  write: () => Promise<void>,
): Promise<string> {
  if (session.batch) {
    session.batch.operations.push(operation);
    return "Queued";
  }
  await write();
  return "OK";
}

const batch: ShellCommand = {
  name: "batch",
  usage: "batch",
  summary: "begin a batch: put and delete wait for end, then all of them happen or none",
  words: [0, 0],
  async run(session) {
    if (session.batch) {
      throw new CommandFailure("A batch is open already: finish it with end, or drop it with cancel");
    }
    session.batch = { operations: [], hasFailed: false };
    session.output.say("Batch begun: end writes it, cancel drops it");
  },
};

const end: ShellCommand = {
  name: "end",
  usage: "end",
  summary: "write the open batch, all of it or nothing",
  words: [0, 0],
  async run(session, _args, signal) {
    const { operations, hasFailed } = takeBatch(session);
    if (hasFailed) {
      throw new CommandFailure("The batch had an error and was not written: correct it and enter it again");
    }
    if (operations.length > 0) {
      await untilAborted(session.db.batch(operations), signal);
    }
    session.output.say(`OK, ${counted(operations.length, "operation")}`);
  },
};

const cancel: ShellCommand = {
  name: "cancel",
  usage: "cancel",
  summary: "drop the open batch",
  words: [0, 0],
  async run(session) {
    session.output.say(`Dropped ${counted(takeBatch(session).operations.length, "operation")}`);
  },
};

function takeBatch(session: Session): SessionBatch {
  const { batch } = session;
  if (!batch) {
    throw new CommandFailure("No batch is open: begin one with batch");
  }
  session.batch = undefined;
  return batch;
}

export const writingCommands: readonly ShellCommand[] = [put, remove, batch, end, cancel];
