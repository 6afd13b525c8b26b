/** All groups of the suite, in the order in which they run. */

import type { TortureGroup } from "../group.js";
import { bytes } from "./bytes.js";
import { fuzz } from "./fuzz.js";
import { kills } from "./kills.js";
import { powerCut } from "./power-cut.js";
import { powerCutReal } from "./power-cut-real.js";

export const groups: readonly TortureGroup[] = [kills, powerCut, powerCutReal, bytes, fuzz];
