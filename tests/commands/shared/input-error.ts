/** What was given cannot be used: told in one line, without a stack. */
export class InputError extends Error {}

/** Runs a command; bad input ends it with one line and exit code 2, anything else with 1. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    // Unknown and incomplete options are bad input too; Node names them.
    const isInput = error instanceof InputError || (error instanceof TypeError && /ERR_PARSE_ARGS/.test(codeOf(error)));
    console.error(error instanceof Error && isInput ? error.message : error);
    process.exitCode = isInput ? 2 : 1;
  }
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
