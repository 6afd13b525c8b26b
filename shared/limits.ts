/** All limits of FastKV that are not options. Sizes are in bytes unless the name says otherwise. */

export const maxKeyBytes = 65_535;
export const maxShards = 256;
/** The kernel silently truncates a Unix socket path beyond this length (104 on macOS, 108 on Linux, with the NUL). */
export const maxSocketPathBytes = 103;

export const maxValueBytesCeiling = 128 * 1024 * 1024;
export const maxBatchOperations = 1_000_000;
export const maxBatchBytes = 160 * 1024 * 1024;
/** One frame has at most one batch, or one turn's operations. Checked before memory is allocated for the frame. */
export const maxFrameBytes = 192 * 1024 * 1024;
/** The operations of a turn are split into frames of about this size. */
export const targetFrameBytes = 256 * 1024;

/** A scan page ends after this many entries or bytes, or when many more entries than requested were skipped. */
export const maxScanPageEntries = 4096;
export const maxScanPageBytes = 256 * 1024;
export const firstScanPageEntries = 256;

/** A clear that must read the keys deletes at most this many keys, or about this many bytes of keys, at once. */
export const maxClearBatchKeys = 10_000;
export const maxClearBatchBytes = 8 * 1024 * 1024;

/** Maximum nesting depth of a decoded value. Deeper input is refused: it would overflow the stack of a decoder. */
export const maxValueDepth = 512;
