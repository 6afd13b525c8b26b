/**
 * The process that reads a source. It is a separate process because the peers' packages are native code, which a
 * damaged source can crash, and which would block Ctrl-C. So the loading process keeps running, and reports what
 * happened.
 */

import { describeError, exitCodeOf } from "fastkv-cli/kit/failure";
import { encodeGroup } from "./group-message.js";
import type { FromReader, ToReader } from "./reader-messages.js";
import type { ImportRequest, SourceKind } from "./request.js";
import type { Source } from "./source.js";
import { sourceError } from "./source-failure.js";

const opening: Record<SourceKind, (request: ImportRequest) => Promise<Source>> = {
  leveldb: async (request) => (await import("./leveldb/leveldb-source.js")).openLevelSource(request),
  lmdb: async (request) => (await import("./lmdb-source.js")).openLmdbSource(request),
  sqlite: async (request) => (await import("./sqlite-source.js")).openSqliteSource(request),
};

/** Groups that are requested and not sent yet, and the function that wakes the sender when one is requested. */
let wanted = 0;
let wake: (() => void) | undefined;

process.on("message", (message: ToReader) => {
  if (message.type === "open") {
    void read(message.request).finally(() => process.disconnect());
  } else {
    wanted++;
    wake?.();
  }
});
// The loading process is gone.
process.on("disconnect", () => process.exit());

async function read(request: ImportRequest): Promise<void> {
  let source: Source | undefined;
  try {
    source = await opening[request.from](request);
    await send({ type: "opened", count: await source.count() });
    for await (const entries of source.groups()) {
      while (wanted === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      wanted--;
      await send({ type: "group", group: encodeGroup(entries) });
    }
    await send({ type: "end" });
  } catch (error) {
    const failure = sourceError(request.path, error);
    await send({
      type: "failed",
      message: describeError(failure),
      exitCode: exitCodeOf(failure),
      stack: failure.stack,
    });
  } finally {
    await source?.close();
  }
}

function send(message: FromReader): Promise<void> {
  return new Promise((resolve) => {
    process.send!(message, () => resolve());
  });
}
