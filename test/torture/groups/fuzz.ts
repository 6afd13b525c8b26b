/**
 * Group 9: all that reaches the disk or a socket, fuzzed by its structure: a corpus for each decoder, kept in the
 * repository (test/torture/corpus, written anew by `node dist/test/torture/groups/fuzz/write-corpus.js`), and changes of
 * bits, of lengths with the checksums put right again, cuts, insertions and splices. Whatever comes is answered rightly or
 * refused with an error of ours, in bounded time and memory; prototypes stay as they are. On sockets a malformed frame
 * costs its connection and nothing else.
 */

import type { TortureGroup } from "../group.js";
import { DecoderFuzz } from "./fuzz/decoders.js";
import { fuzzSockets } from "./fuzz/sockets.js";
import { fuzzStores } from "./fuzz/stores.js";

export const fuzz: TortureGroup = {
  name: "fuzz",
  title: "decoders and sockets given anything: the right answer or a typed error, in bounded time and memory",
  async run(context) {
    const leftMs = context.deadlineMs - performance.now();
    const decoders = new DecoderFuzz(context.random.fork());
    await decoders.runCorpus();
    const corpusCases = decoders.cases;
    await decoders.runMutations(context, context.deadlineMs - leftMs * 0.6);
    context.progress(`${decoders.cases} inputs of decoders`);
    const stores = await fuzzStores(context, context.deadlineMs - leftMs * 0.3);
    context.progress(`${stores.stores} databases`);
    const sockets = await fuzzSockets(context, context.deadlineMs);
    const socketCases = Object.values(sockets).reduce((sum, count) => sum + count, 0);
    return {
      cases: decoders.cases + stores.stores! + socketCases,
      counts: { "corpus files": corpusCases, ...decoders.counts, ...stores, ...sockets },
    };
  },
};
