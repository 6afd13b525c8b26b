/** The moment that a read sees. */
export interface ReadPoint {
  /** The newest version that the read may see. */
  sequence: number;
  /** Entries that have expired by this time are not visible. */
  timeMs: number;
}
