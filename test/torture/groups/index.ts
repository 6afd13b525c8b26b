/** All groups of the suite, in the order in which they run. */

import type { TortureGroup } from "../group.js";
import { bytes } from "./bytes.js";
import { faults } from "./faults.js";
import { fullDisk } from "./full-disk.js";
import { fuzz } from "./fuzz.js";
import { hangs } from "./hangs.js";
import { histories } from "./histories.js";
import { kills } from "./kills.js";
import { leaks } from "./leaks.js";
import { powerCut } from "./power-cut.js";
import { powerCutReal } from "./power-cut-real.js";

export const groups: readonly TortureGroup[] = [
  kills,
  faults,
  fullDisk,
  powerCut,
  powerCutReal,
  hangs,
  bytes,
  histories,
  leaks,
  fuzz,
];
