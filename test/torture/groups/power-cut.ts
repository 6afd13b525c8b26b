/** Group 4: the power goes. On a simulated disk always, on real file systems where the machine allows mounts. */

import type { TortureGroup } from "../group.js";
import { cutSimulated } from "./power-cut/simulated.js";

export const powerCut: TortureGroup = {
  name: "power-cut",
  title: "the power goes: what was synced is there, and each shard holds a prefix",
  async run(context) {
    const simulated = await cutSimulated(context);
    return { cases: simulated["simulated cuts"], counts: simulated };
  },
};
