/** What the one-shot commands share: open the database, work with a signal for Ctrl-C, and close it in any case. */

import type { FastKV } from "fastkv";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { type OpenOptions, openWithNotice } from "fastkv-cli/kit/open-database";
import { LineWriter } from "fastkv-cli/kit/output";

export interface OneShot {
  db: FastKV;
  output: LineWriter;
  signal: AbortSignal;
}

export async function withDatabase(
  path: string,
  options: OpenOptions,
  work: (context: OneShot) => Promise<void>,
): Promise<void> {
  await interruptible(async (signal) => {
    const db = await openWithNotice(path, options);
    const output = new LineWriter(process.stdout);
    try {
      await work({ db, output, signal });
      await output.flush();
    } finally {
      await db.close();
    }
  });
}
