/** The input cannot be used. `runCommand` prints the message without a stack. */
export class InputError extends Error {}

/** Run a command. Bad input ends it with one line and exit code 2, any other error with exit code 1. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    // Unknown and incomplete options are bad input too. Node's message names them.
    const isInput = error instanceof InputError || (error instanceof TypeError && /ERR_PARSE_ARGS/.test(codeOf(error)));
    console.error(error instanceof Error && isInput ? error.message : error);
    process.exitCode = isInput ? 2 : 1;
  }
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}

/**
 * Read the option `--count`.
 *
 * @throws InputError if the text is not a whole number above 0.
 */
export function countFrom(text: string | undefined, fallback: number): number {
  const count = Number(text ?? fallback);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InputError(`--count ${text} is not a whole number above 0`);
}
