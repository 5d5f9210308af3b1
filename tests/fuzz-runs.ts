/** Few in the tests of each day; `npm run fuzz` sets a hundred thousand. Vite hands the variable to browsers as well. */
const asked = Number((import.meta as unknown as { env?: Record<string, string> }).env?.["VITE_FUZZ_RUNS"]);

export const FUZZ_RUNS = asked > 0 ? asked : 1000;

/** So many runs may take long on a machine that has other things to do. */
export const FUZZ_MS = 60_000 + FUZZ_RUNS * 20;

/** Inputs that go through a socket take ten times as long. */
export const SERVER_FUZZ_RUNS = asked > 0 ? Math.ceil(asked / 10) : 300;
