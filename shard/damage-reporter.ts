import { type DamagePlace, FastKVError } from "../shared/errors.js";
import type { ShardEvent } from "../shared/wire/messages.js";

/** Every read may run into a damaged table, so each place is reported once, and at most this many places are. */
const maxPlaces = 256;
const maxCauses = 8;

/** Reports damaged files to the coordinator, whichever call found them. */
export class DamageReporter {
  readonly #tell: (event: ShardEvent) => void;
  readonly #told = new Set<string>();

  constructor(tell: (event: ShardEvent) => void) {
    this.#tell = tell;
  }

  /** Takes any error; one that is not about damage is ignored. */
  note(error: unknown): void {
    const damage = damageOf(error);
    if (damage === undefined || this.#told.size >= maxPlaces) {
      return;
    }
    const place = `${damage.offset ?? "all"} of ${damage.path}`;
    if (!this.#told.has(place)) {
      this.#told.add(place);
      const { path, offset, what } = damage;
      this.#tell({ type: "corruption", path, offset, reason: what });
    }
  }
}

function damageOf(error: unknown): DamagePlace | undefined {
  let current = error;
  for (let depth = 0; depth < maxCauses && current instanceof Error; depth++) {
    if (current instanceof FastKVError && current.damage !== undefined) {
      return current.damage;
    }
    current = current.cause;
  }
  return undefined;
}
