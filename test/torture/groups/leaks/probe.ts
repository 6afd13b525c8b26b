/**
 * Loaded with `--import` into shards, in front of FastKV, which knows nothing of it: says on a socket, whenever it is
 * asked, what the process holds. The socket's path is the search part of the module's URL.
 */

import net from "node:net";
import { isMainThread } from "node:worker_threads";
import { collectGarbage, ownFigures } from "./figures.js";

if (isMainThread) {
  const socket = net.connect(decodeURIComponent(new URL(import.meta.url).search.slice(1)));
  socket.unref();
  socket.on("error", () => undefined);
  socket.on("data", () => {
    void collectGarbage().then(() => socket.write(`${JSON.stringify(ownFigures())}\n`));
  });
}
