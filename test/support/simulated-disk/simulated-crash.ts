/** The end of a simulated process or machine: no error of FastKV's, so nothing in the product may handle it. */
export class SimulatedCrash extends Error {
  override readonly name = "SimulatedCrash";
}

/**
 * What survives:
 * - `any`: of what was not synced any part, each page, length and folder entry on its own (power loss);
 * - `prefix`: all changes up to some moment, none after (power loss on a disk that keeps order);
 * - `dropAll`: nothing that was not synced (power loss at its worst);
 * - `keepAll`: everything, still unsynced (kill -9: a power loss later may yet drop it).
 */
export type CrashMode = "any" | "prefix" | "dropAll" | "keepAll";
