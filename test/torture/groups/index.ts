/** All groups of the suite, in the order in which they run. */

import type { TortureGroup } from "../group.js";
import { histories } from "./histories.js";
import { kills } from "./kills.js";
import { leaks } from "./leaks.js";
import { powerCut } from "./power-cut.js";

export const groups: readonly TortureGroup[] = [kills, powerCut, histories, leaks];
