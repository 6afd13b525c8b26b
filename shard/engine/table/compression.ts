/**
 * The codecs that a block may be compressed with. Their ids are kept in every block.
 *
 *     id  codec   stored form                                          where it comes from
 *      0  none    the bytes as they are                                always available
 *      1  snappy  raw Snappy (begins with a varint of the length)      optional package `snappy`
 *      2  lz4     length as 4 bytes little-endian, then an LZ4 block   optional package `lz4-napi`
 *      3  zstd    a Zstandard frame                                    node:zlib of Node.js 22.15 and newer
 *
 * The optional packages are loaded when a codec is first used. So a program starts just as fast without them, and
 * needs them only for tables that were written with them.
 */

import { createRequire } from "node:module";
import zlib from "node:zlib";
import { FastKVError } from "../../../shared/errors.js";

/** FROZEN. */
export const codecId = { none: 0, snappy: 1, lz4: 2, zstd: 3 } as const;
export type CodecName = keyof typeof codecId;

interface Codec {
  compress(bytes: Buffer): Buffer;
  /** Throws, before it allocates, if `bytes` claims to hold more than `uncompressedBytes`. */
  decompress(bytes: Buffer, uncompressedBytes: number): Buffer;
}

/** The functions that both native packages have. */
interface NativePackage {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer): Buffer;
}

/** The Zstandard functions of `node:zlib`, if it has them; its type declarations for Node 20 do not. */
interface ZstdFunctions {
  zstdCompressSync?: (bytes: Buffer) => Buffer;
  zstdDecompressSync?: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer;
}

const remedies: Record<CodecName, string> = {
  none: "",
  snappy: "Install the optional package: npm install snappy",
  lz4: "Install the optional package: npm install lz4-napi",
  zstd: "It needs Node.js 22.15 or newer.",
};

const requireOptional = createRequire(import.meta.url);

function loadPackage(name: string): NativePackage | undefined {
  try {
    const loaded: Partial<NativePackage> = requireOptional(name);
    const usable = typeof loaded.compressSync === "function" && typeof loaded.uncompressSync === "function";
    return usable ? (loaded as NativePackage) : undefined;
  } catch {
    return undefined;
  }
}

/** Both packages trust the length that the bytes begin with, so it is checked against the block's own length first. */
function nativeCodec(name: string, declaredLength: (bytes: Buffer) => number): Codec | undefined {
  const native = loadPackage(name);
  if (native === undefined) {
    return undefined;
  }
  return {
    compress: (bytes) => native.compressSync(bytes),
    decompress(bytes, uncompressedBytes) {
      const declared = declaredLength(bytes);
      if (declared !== uncompressedBytes) {
        throw new Error(`${name} data declares ${declared} bytes where ${uncompressedBytes} are due`);
      }
      return native.uncompressSync(bytes);
    },
  };
}

function snappyLength(bytes: Buffer): number {
  let length = 0;
  let scale = 1;
  for (let at = 0; at < 5 && at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    length += (byte & 127) * scale;
    if (byte < 128) {
      return length;
    }
    scale *= 128;
  }
  return Number.NaN;
}

function lz4Length(bytes: Buffer): number {
  return bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0);
}

function zstdCodec(): Codec | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as ZstdFunctions;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) {
    return undefined;
  }
  return {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, uncompressedBytes) =>
      zstdDecompressSync(bytes, { maxOutputLength: Math.max(uncompressedBytes, 1) }),
  };
}

const loaders: Record<CodecName, () => Codec | undefined> = {
  none: () => ({ compress: (bytes) => bytes, decompress: (bytes) => bytes }),
  snappy: () => nativeCodec("snappy", snappyLength),
  lz4: () => nativeCodec("lz4-napi", lz4Length),
  zstd: zstdCodec,
};

const loadedCodecs = new Map<CodecName, Codec | undefined>();

function findCodec(name: CodecName): Codec | undefined {
  if (!loadedCodecs.has(name)) {
    loadedCodecs.set(name, loaders[name]());
  }
  return loadedCodecs.get(name);
}

function requireCodec(name: CodecName): Codec {
  const codec = findCodec(name);
  if (codec === undefined) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `The compression codec ${name} is not available here. ${remedies[name]}`,
    );
  }
  return codec;
}

/** The codec's name, or undefined for an id that this version does not know. */
export function codecNameOf(id: number): CodecName | undefined {
  for (const [name, value] of Object.entries(codecId)) {
    if (value === id) {
      return name as CodecName;
    }
  }
  return undefined;
}

export function isCodecAvailable(name: CodecName): boolean {
  return findCodec(name) !== undefined;
}

/** Throws `FASTKV_UNSUPPORTED_FORMAT`, naming the package to install, if the codec is missing. */
export function checkCodecAvailable(name: CodecName): void {
  requireCodec(name);
}

export function compress(name: CodecName, bytes: Buffer): Buffer {
  return requireCodec(name).compress(bytes);
}

/**
 * Returns exactly `uncompressedBytes` bytes; the caller has checked that number against a limit. Throws
 * `FASTKV_UNSUPPORTED_FORMAT` if the codec is missing, and `FASTKV_CORRUPTION` for anything that does not decompress to
 * that length.
 */
export function decompress(name: CodecName, bytes: Buffer, uncompressedBytes: number): Buffer {
  const codec = requireCodec(name);
  let result: Buffer | undefined;
  let cause: unknown;
  try {
    result = codec.decompress(bytes, uncompressedBytes);
  } catch (error) {
    cause = error;
  }
  if (result === undefined || result.length !== uncompressedBytes) {
    throw new FastKVError("FASTKV_CORRUPTION", `A block does not decompress with ${name}.`, { cause });
  }
  return result;
}
