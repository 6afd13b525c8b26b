/** Does one work in a process of its own, `node --expose-gc program.js <order>`, and says the figures of each round. */

import fs from "node:fs";
import path from "node:path";
import { Random } from "../../../support/random.js";
import type { Store } from "../../group.js";
import { churn } from "./churn.js";
import { Meter } from "./meter.js";
import { opens } from "./opens.js";
import { scans } from "./scans.js";
import { snapshots } from "./snapshots.js";
import type { Sample } from "./trend.js";
import type { WorkOrder } from "./work.js";

const works = { opens, scans, snapshots, churn };

const order = JSON.parse(process.argv[2]!) as WorkOrder;
const store = (await import(order.storeUrl)) as Store;
const runtimeFolder = path.join(order.root, "run");
fs.mkdirSync(runtimeFolder);
const meter = await Meter.start(order.root, runtimeFolder);
const random = new Random(order.seed);
const work = await works[order.work]({ store, root: order.root, runtimeFolder, meter, random });

const startMs = performance.now();
let operations = 0;
let settlingMs = 0;
for (let round = 1; round <= order.rounds; round += 1) {
  const endMs = startMs + (order.timeMs * round) / order.rounds - settlingMs;
  for (let left = order.operationsOfRound; left > 0; left -= 1) {
    await work.operate();
    operations += 1;
    if (performance.now() >= endMs) {
      break;
    }
  }
  const settleMs = performance.now();
  const own = await work.settle();
  const sample: Sample = { operations, figures: { ...(await meter.figures()), ...own } };
  settlingMs = performance.now() - settleMs;
  process.stdout.write(`${JSON.stringify(sample)}\n`);
}
await work.end();
meter.close();
