import { expect } from "chai";
import { packBlock } from "../../../../shard/engine/table/block-format.js";
import {
  type CodecName,
  codecId,
  codecNameOf,
  compress,
  decompress,
  isCodecAvailable,
} from "../../../../shard/engine/table/compression.js";
import { expectError } from "./support.js";

const codecs = Object.keys(codecId) as CodecName[];
const text = Buffer.from("a sentence that repeats itself, ".repeat(100));

describe("compression", () => {
  it("has frozen codec ids", () => {
    expect(codecId).to.deep.equal({ none: 0, snappy: 1, lz4: 2, zstd: 3 });
    expect([0, 1, 2, 3, 4].map(codecNameOf)).to.deep.equal(["none", "snappy", "lz4", "zstd", undefined]);
  });

  for (const codec of codecs) {
    if (isCodecAvailable(codec)) {
      it(`gives back what ${codec} compressed`, () => {
        expect(decompress(codec, compress(codec, text), text.length).equals(text)).to.equal(true);
      });
    } else {
      it(`says how to get ${codec}, which is missing here`, () => {
        const error = expectError("FASTKV_UNSUPPORTED_FORMAT", () => compress(codec, text));
        expect(error.message).to.match(/npm install|Node\.js/);
      });
    }
    it(`refuses ${codec} data of another length than the block has`, () => {
      if (isCodecAvailable(codec)) {
        const compressed = compress(codec, text);
        expectError("FASTKV_CORRUPTION", () => decompress(codec, compressed, text.length - 1));
        expectError("FASTKV_CORRUPTION", () => decompress(codec, compressed, text.length + 1));
      }
    });
  }

  it("stores a block as it is where compression saves less than an eighth", () => {
    const noise = Buffer.from(
      Array.from({ length: 1000 }, (_, index) => (index * index * 2_654_435_761) >>> 24),
    );
    for (const codec of codecs.filter(isCodecAvailable)) {
      expect(packBlock(noise, codec).codec).to.equal("none");
      expect(packBlock(text, codec).codec).to.equal(codec);
    }
  });
});
