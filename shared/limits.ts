/** Every limit of FastKV that is not an option. Sizes are in bytes unless the name says otherwise. */

export const maxKeyBytes = 65_535;
export const maxShards = 256;
/** A Unix socket path is silently cut by the kernel beyond this length (104 on macOS, 108 on Linux, with the NUL). */
export const maxSocketPathBytes = 103;

export const maxValueBytesCeiling = 128 * 1024 * 1024;
export const maxBatchOperations = 1_000_000;
export const maxBatchBytes = 160 * 1024 * 1024;
/** One frame carries at most one batch, or one turn's operations. Checked before anything is allocated for it. */
export const maxFrameBytes = 192 * 1024 * 1024;
/** A turn's operations are cut into frames of about this size. */
export const targetFrameBytes = 256 * 1024;

/** A page of a scan ends with this many entries or bytes, or when many more than were asked for were passed over. */
export const maxScanPageEntries = 4096;
export const maxScanPageBytes = 256 * 1024;
export const firstScanPageEntries = 256;

/** A clear that has to read the keys deletes so many of them, or so many bytes of keys, at once. */
export const maxClearBatchKeys = 10_000;
export const maxClearBatchBytes = 8 * 1024 * 1024;

/** How deep a decoded value may nest. Deeper input is refused: it would overflow the stack of a decoder. */
export const maxValueDepth = 512;
