import { expect } from "chai";
import { FastKVError, type FastKVErrorCode } from "../../../shared/errors.js";

/** Runs what must fail with a FastKVError of this code, and answers the error. */
export async function expectError(code: FastKVErrorCode, body: () => unknown): Promise<FastKVError> {
  let result: unknown;
  try {
    result = await body();
  } catch (error) {
    expect(error).to.be.instanceOf(FastKVError);
    expect((error as FastKVError).code, String(error)).to.equal(code);
    return error as FastKVError;
  }
  throw new Error(`Expected ${code}, but it answered ${JSON.stringify(result)}`);
}
