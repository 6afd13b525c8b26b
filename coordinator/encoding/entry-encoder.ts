import type { ByteString } from "../../shared/bytes.js";
import { encodeBinary } from "../../shared/codec/binary-codec.js";
import type { ValueCodec } from "../../shared/codec/value-codec.js";
import { FastKVError } from "../../shared/errors.js";
import { encodingOfTag, type ValueEncoding } from "../../shared/format/value-encoding.js";
import type { StoredEntry } from "../calls/call-options.js";
import { type Key, KeyScratch } from "../calls/keys.js";
import { encodings, invalidOption, oneOf, type ResolvedOptions, shown } from "../calls/options.js";
import type { Clock } from "../clock.js";
import type { Topology } from "../topology.js";

const checkEncoding = oneOf(encodings);
/** The last time that a Date can represent. */
const lastTimeMs = 8.64e15;
const noBytes = Buffer.alloc(0);

/** Options of a put that concern its value. */
export interface ValueOptions {
  encoding?: ValueEncoding | undefined;
  ttl?: number | undefined;
  /** Expiry time, instead of `ttl`. */
  expiresAt?: number | undefined;
}

/**
 * Checks and encodes one entry at a time: the key into a reused buffer, the value into one of the codec's. The fields
 * describe the last entry and are valid until the next one; copy what must be kept.
 */
export class EntryEncoder {
  shard = 0;
  /** The key as it was given. */
  given: Key = "";
  keyBytes = 0;
  value: Buffer = noBytes;
  tag = 0;
  /** 0 means never. */
  expiresAt = 0;

  readonly #scratch = new KeyScratch();
  readonly #codec: ValueCodec;
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #encoding: ValueEncoding;
  readonly #maxValueBytes: number;

  constructor(codec: ValueCodec, topology: Topology, clock: Clock, options: ResolvedOptions) {
    this.#codec = codec;
    this.#topology = topology;
    this.#clock = clock;
    this.#encoding = options.encoding;
    this.#maxValueBytes = options.maxValueSize;
  }

  /** The buffer that starts with the last key's bytes. */
  get key(): Buffer {
    return this.#scratch.buffer;
  }

  /**
   * Returns the caches' name for the last key (see `ReadCache.nameOf`) as a new string, for caches to keep: the
   * program's own string may be a slice of a much larger one.
   */
  ownName(): ByteString {
    return this.key.latin1Slice(0, this.keyBytes);
  }

  get scratch(): KeyScratch {
    return this.#scratch;
  }

  /** @throws FastKVError `FASTKV_INVALID_VALUE`, `FASTKV_INVALID_OPTION`, `FASTKV_INVALID_KEY`. */
  setEntry(key: Key, value: unknown, options: ValueOptions | undefined): void {
    // Getters of options and a value's toJSON may call the store, and so use this encoder and its codec. Therefore the
    // options are read first and the key is set last.
    const encoding = options?.encoding;
    const expiresAt = options === undefined ? 0 : this.#expiry(options);
    const encoded = this.#encode(value, encoding);
    const { tag } = this.#codec;
    this.setKey(key);
    this.value = encoded;
    this.tag = tag;
    this.expiresAt = expiresAt;
  }

  /**
   * Sets an entry in the stored form of another database. Its bytes are decoded first: what cannot be read is not
   * written.
   *
   * @throws FastKVError `FASTKV_INVALID_VALUE`, `FASTKV_INVALID_OPTION`, `FASTKV_INVALID_KEY`.
   */
  setStored({ key, stored, tag, expiresAt }: StoredEntry): void {
    if (!(stored instanceof Uint8Array) || encodingOfTag(tag) === undefined) {
      throw invalidOption("A stored entry has its bytes in `stored`, a Uint8Array, and a known `tag`");
    }
    const expiry = this.#expiry({ expiresAt });
    const bytes = encodeBinary(stored);
    this.#checkSize(bytes.length);
    this.#tryToDecode(tag, bytes);
    this.setKey(key);
    this.value = bytes;
    this.tag = tag;
    this.expiresAt = expiry;
  }

  /** Sets a key without a value, to delete or read it. Throws `FASTKV_INVALID_KEY`. */
  setKey(key: Key): void {
    this.given = key;
    this.keyBytes = this.#scratch.set(key);
    this.shard = this.#topology.shardOf(this.#scratch.buffer, this.keyBytes);
    this.value = noBytes;
    this.tag = 0;
    this.expiresAt = 0;
  }

  #encode(value: unknown, encoding: ValueEncoding | undefined): Buffer {
    const encoded = this.#codec.encode(
      value,
      encoding === undefined ? this.#encoding : checkEncoding("encoding", encoding),
    );
    this.#checkSize(encoded.length);
    return encoded;
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxValueBytes) {
      throw new FastKVError(
        "FASTKV_INVALID_VALUE",
        `The value has ${bytes} bytes when encoded, more than maxValueSize (${this.#maxValueBytes}). Split it, or open the database with a larger one.`,
        { writeOutcome: "not-applied" },
      );
    }
  }

  #tryToDecode(tag: number, bytes: Buffer): void {
    try {
      this.#codec.decode(tag, bytes, 0, bytes.length);
    } catch (error) {
      // An instance of an unregistered class is well-formed, and can be copied.
      if (!(error instanceof FastKVError && error.code === "FASTKV_INVALID_VALUE")) {
        const message = `The stored bytes of a value cannot be decoded: ${(error as Error).message}`;
        throw new FastKVError("FASTKV_INVALID_VALUE", message, { cause: error, writeOutcome: "not-applied" });
      }
    }
  }

  /** Returns the expiry time; 0 means never. */
  #expiry({ ttl, expiresAt }: ValueOptions): number {
    if (expiresAt !== undefined) {
      if (ttl !== undefined) {
        throw invalidOption("Give ttl or expiresAt, not both");
      }
      return checkMilliseconds("expiresAt", expiresAt, lastTimeMs);
    }
    if (ttl === undefined) {
      return 0;
    }
    const now = this.#clock.now();
    return now + checkMilliseconds("ttl", ttl, lastTimeMs - now);
  }
}

function checkMilliseconds(name: string, value: unknown, most: number): number {
  if (typeof value !== "number" || !(value > 0) || value > most) {
    throw invalidOption(
      `Option ${name} must be a number of milliseconds above 0, up to the last moment that a Date can hold, not ${shown(value)}`,
    );
  }
  return value;
}
