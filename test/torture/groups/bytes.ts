/**
 * Group 6: any byte of any file flipped, any file cut at any length, missing, swapped with another or with an earlier
 * version of itself. Then everything that is read is right, or an error that names file and offset; never a wrong answer,
 * a hang or a crash. What may be missing where damage cannot be told from a crash is stated in bytes/tail-rule.ts.
 */

import type { TortureGroup } from "../group.js";
import { ExhaustiveSearch } from "./bytes/exhaustive.js";
import { sampleRealFiles } from "./bytes/real-files.js";

/** So long each bit of each byte takes; in less time it is one bit of each byte, or of as many as there is time for. */
const allBitsMs = 40 * 60 * 1000;
/** The share of the time that real files take. */
const realShare = 0.2;

export const bytes: TortureGroup = {
  name: "bytes",
  title:
    "any byte flipped, any file cut, missing or outdated: the right answer or an error, never a wrong answer",
  async run(context) {
    const leftMs = context.deadlineMs - performance.now();
    const search = await ExhaustiveSearch.make(context.random, leftMs >= allBitsMs);
    const realMs = context.deadlineMs - leftMs * realShare;
    const isOver = (limitMs: number) => performance.now() >= limitMs || search.done >= context.cases;
    while (!isOver(realMs) && search.done < search.total) {
      const step = search.done + 5000;
      await search.run(() => isOver(realMs) || search.done >= step);
      context.progress(`${search.done} of ${search.total} cases`);
    }
    const real = await sampleRealFiles(context, search.bases, () => performance.now() >= context.deadlineMs);
    const all = { "of all cases": search.total, ...search.counts, ...real };
    return { cases: search.done + real["real files"]!, counts: all };
  },
};
