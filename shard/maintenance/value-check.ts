/**
 * Checks whether values match their encodings. By their checksums the bytes are as they were written, but a bug or a
 * foreign program may have written something that no `get` can return. Instances of registered classes are checked up
 * to the class, which only the application knows.
 */

import type { ByteString } from "../../shared/bytes.js";
import { ValueCodec } from "../../shared/codec/value-codec.js";
import { FastKVError } from "../../shared/errors.js";
import { OperationReader, operationKind } from "../../shared/format/operations.js";
import { isEncodingTag } from "../../shared/format/value-encoding.js";
import type { Findings } from "../../shared/maintenance/finding.js";
import type { LogRecord } from "../../shared/record-log/log-file.js";
import { type Entry, entryKind } from "../engine/iterator/cursor.js";

export class ValueCheck {
  readonly #codec = new ValueCodec();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  checkEntry(key: ByteString, entry: Entry, name: string, offset: number): void {
    if (entry.kind === entryKind.put) {
      const { tag, valueBuffer, valueStart, valueEnd } = entry;
      this.#check(key, tag, valueBuffer.subarray(valueStart, valueEnd), name, offset);
    }
  }

  /** Malformed operations are reported where the record is checked. */
  checkRecord(name: string, { payload, offset }: LogRecord): void {
    const reader = new OperationReader(payload);
    try {
      while (reader.next()) {
        if (reader.kind === operationKind.put) {
          const { keyStart, valueStart, end, tag } = reader;
          const key = payload.latin1Slice(keyStart, valueStart);
          this.#check(key, tag, payload.subarray(valueStart, end), name, offset);
        }
      }
    } catch (error) {
      if (!(error instanceof FastKVError)) {
        throw error;
      }
    }
  }

  /** Unknown tags are reported where an entry is read at all. */
  #check(key: ByteString, tag: number, value: Buffer, name: string, offset: number): void {
    const why = isEncodingTag(tag) ? this.#whyUnreadable(tag, value) : undefined;
    if (why !== undefined) {
      const what = `a value cannot be decoded (${why}): put the key again, or delete it`;
      this.#findings.damage(name, what, { offset, keys: { from: key, to: key } });
    }
  }

  #whyUnreadable(tag: number, value: Buffer): string | undefined {
    try {
      this.#codec.decode(tag, value, 0, value.length);
      return undefined;
    } catch (error) {
      // An instance of a class that is not registered here is well-formed.
      const isOfProgram = error instanceof FastKVError && error.code === "FASTKV_INVALID_VALUE";
      return isOfProgram ? undefined : (error as Error).message;
    }
  }
}
