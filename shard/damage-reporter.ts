import { type DamagePlace, FastKVError } from "../shared/errors.js";
import type { ShardEvent } from "../shared/wire/messages.js";

/** A damaged table may be met with every read: each place is told once, and no more places than these. */
const maxPlaces = 256;
const maxCauses = 8;

/** Tells the coordinator of damaged files, whichever call met them. */
export class DamageReporter {
  readonly #tell: (event: ShardEvent) => void;
  readonly #told = new Set<string>();

  constructor(tell: (event: ShardEvent) => void) {
    this.#tell = tell;
  }

  /** Any error: one that is not about damage is none of its business. */
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
