import { resolveOptions } from "../../coordinator/calls/options.js";
import { Clock } from "../../coordinator/clock.js";
import { EntryEncoder } from "../../coordinator/encoding/entry-encoder.js";
import { FrameBuilder } from "../../coordinator/shards/frame-builder.js";
import { Topology } from "../../coordinator/topology.js";
import { ValueCodec } from "../../shared/codec/value-codec.js";
import { OperationReader, operationKind } from "../../shared/format/operations.js";
import { operationsHeaderBytes, readOperationsHeader } from "../../shared/wire/frame.js";
import { FrameAssembler } from "../../shared/wire/frame-assembler.js";
import { measurePart, type PartCost } from "./measure.js";
import { keyOf, recordCount, recordOf } from "./records.js";

const stamp = { flags: 0, timeMs: 1, logSyncedSequence: 0, confirmedSequence: 0 };

function newEncoder(): EntryEncoder {
  return new EntryEncoder(new ValueCodec(), new Topology(2), new Clock(), resolveOptions({}));
}

/** Encodes records and collects them in frames of `perFrame` puts. */
function frames(entry: EntryEncoder, perFrame: number): Buffer[] {
  const builder = new FrameBuilder();
  const all: Buffer[] = [];
  for (let number = 0; number < recordCount; number++) {
    entry.setEntry(keyOf(number), recordOf(number), undefined);
    builder.write(operationKind.put, entry, number + 1);
    if (number % perFrame === perFrame - 1) {
      all.push(builder.take(stamp).frame);
    }
  }
  return all;
}

/** The frame codec: from the call's arguments to a frame, and from a stream of bytes to operations. */
export function frameParts(): PartCost[] {
  const building = [1, 16, 128].map((perFrame) =>
    measurePart(`encode a put and its part of a frame of ${perFrame}`, recordCount, newEncoder, (entry) =>
      frames(entry, perFrame),
    ),
  );
  const reading = [1, 128].map((perFrame) => {
    const stream = Buffer.concat(frames(newEncoder(), perFrame));
    return measurePart(
      `take a put out of a stream of frames of ${perFrame}`,
      recordCount,
      () => stream,
      () => readAll(stream),
    );
  });
  const keyOnly = measurePart(
    "encode a key and its part of a frame of 128 gets",
    recordCount,
    newEncoder,
    (entry) => {
      const builder = new FrameBuilder();
      let bytes = 0;
      for (let number = 0; number < recordCount; number++) {
        entry.setKey(keyOf(number));
        builder.read(entry.key, entry.keyBytes, true, undefined);
        if (number % 128 === 127) {
          bytes += builder.take(stamp).frame.length;
        }
      }
      return bytes;
    },
  );
  return [...building, keyOnly, ...reading];
}

const chunkBytes = 64 * 1024;

function readAll(stream: Buffer): number {
  let operations = 0;
  const assembler = new FrameAssembler((frame) => {
    const { writeBytes } = readOperationsHeader(frame);
    const reader = new OperationReader(frame, operationsHeaderBytes, operationsHeaderBytes + writeBytes);
    while (reader.next()) {
      operations += 1;
    }
  });
  for (let at = 0; at < stream.length; at += chunkBytes) {
    assembler.push(stream.subarray(at, at + chunkBytes));
  }
  return operations;
}
