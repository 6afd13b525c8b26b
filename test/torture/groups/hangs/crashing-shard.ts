/** A shard's module that ends one shard at its start for as long as a file is there. It notes each start of that shard. */

import { appendFileSync, existsSync } from "node:fs";

export interface CrashOrder {
  /** URL of the module that is a shard. */
  realModule: string;
  shard: number;
  /** Crashes while this file exists. */
  flag: string;
  /** Takes the time of each start. */
  starts: string;
  how: "exit" | "abort" | "throw" | "kill" | "exit later";
}

export const crashVariable = "FASTKV_TEST_CRASHING_SHARD";

function crash(how: CrashOrder["how"]): void {
  switch (how) {
    case "exit":
      process.exit(3);
      break;
    case "abort":
      process.abort();
      break;
    case "throw":
      throw new Error("crashed by the test");
    case "kill":
      process.kill(process.pid, "SIGKILL");
      break;
    case "exit later":
      // It has connected by then, and perhaps opened its files.
      setTimeout(() => process.exit(3), 60);
  }
}

const given = process.env[crashVariable];
if (given !== undefined && process.send !== undefined) {
  const order = JSON.parse(given) as CrashOrder;
  await import(order.realModule);
  const onStart = (start: { shardIndex: number }): void => {
    if (start.shardIndex === order.shard) {
      appendFileSync(order.starts, `${Date.now()}\n`);
      if (existsSync(order.flag)) {
        crash(order.how);
      }
    }
  };
  // In front of the shard's own listener.
  process.prependListener("message", onStart as (message: unknown) => void);
}
