/** FASTKV_TEST_ROUNDS multiplies the length of random tests. */
export const rounds = Math.max(1, Number(process.env.FASTKV_TEST_ROUNDS ?? 1));
