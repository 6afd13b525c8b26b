/** Writes the corpus anew: `npm run build && node dist/test/torture/groups/fuzz/write-corpus.js`. */

import { writeCorpus } from "./corpus.js";

process.stdout.write(`${await writeCorpus()} files written\n`);
