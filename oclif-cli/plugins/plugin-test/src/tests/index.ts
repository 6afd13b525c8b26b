/** The tests, in the order they run. */

import type { SelfTest } from "../self-test.js";
import { basicOperations } from "./basic-operations.js";
import { batches } from "./batches.js";
import { bulkLoad } from "./bulk-load.js";
import { concurrency } from "./concurrency.js";
import { crashRecovery, shardRecovery } from "./crash-recovery.js";
import { damageDetection } from "./damage-detection.js";
import { encodings } from "./encodings.js";
import { expiry } from "./expiry.js";
import { oneOpener } from "./one-opener.js";
import { scans } from "./scans.js";
import { snapshots } from "./snapshots.js";

export const selfTests: readonly SelfTest[] = [
  basicOperations,
  crashRecovery,
  shardRecovery,
  concurrency,
  batches,
  scans,
  snapshots,
  encodings,
  bulkLoad,
  expiry,
  oneOpener,
  damageDetection,
];
