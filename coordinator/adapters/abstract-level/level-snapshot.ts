import { AbstractSnapshot } from "abstract-level";
import type { Snapshot } from "../../index.js";
import { LevelError } from "./level-error.js";

/**
 * The package's types omit the constructor's options, which include the database that closes the snapshot with itself.
 */
const SnapshotBase = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot;

/** An explicit snapshot. Level counts its readers, and closes it when there are none left. */
export class LevelSnapshot extends SnapshotBase {
  readonly snapshot: Snapshot;

  constructor(snapshot: Snapshot, options: object) {
    super(options);
    this.snapshot = snapshot;
  }

  /** Returns the FastKV snapshot inside one given as an option. */
  static unwrap(snapshot: AbstractSnapshot | null | undefined): Snapshot | undefined {
    if (snapshot === undefined || snapshot === null) {
      return undefined;
    }
    if (!(snapshot instanceof LevelSnapshot)) {
      throw new LevelError("LEVEL_NOT_SUPPORTED", "The snapshot belongs to a database of another kind");
    }
    if (snapshot.snapshot.isClosed) {
      throw new LevelError("LEVEL_SNAPSHOT_NOT_OPEN", "The snapshot is closed");
    }
    return snapshot.snapshot;
  }

  async _close(): Promise<void> {
    await this.snapshot.close();
  }
}
