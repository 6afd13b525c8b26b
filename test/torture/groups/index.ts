/** All groups of the suite, in the order in which they run. */

import type { TortureGroup } from "../group.js";
import { faults } from "./faults.js";
import { fullDisk } from "./full-disk.js";
import { hangs } from "./hangs.js";
import { powerCut } from "./power-cut.js";

export const groups: readonly TortureGroup[] = [powerCut, faults, fullDisk, hangs];
