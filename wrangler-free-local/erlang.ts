import { execFile } from 'node:child_process';

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; 128 and more where a signal or the time limit ended it. */
  readonly code: number;
}

const COMMAND_TIMEOUT_MS = 60_000;

/** Runs a command to its end. */
export function run(
  command: string,
  args: readonly string[],
  { env, input = '' }: { readonly env: NodeJS.ProcessEnv; readonly input?: string },
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024, killSignal: 'SIGKILL' as const };
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error && 'code' in error && typeof error.code === 'string') return reject(error);
      resolve({ stdout, stderr, code: error ? (child.exitCode ?? 128) : 0 });
    });
    // A command that ends without reading its input is not our failure.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/**
 * Evaluates an Erlang expression on the node and gives its value as `rabbitmqctl eval` prints it, on one line; in 5 ms
 * instead of 500, for erl_call is a C program. Rejects if the expression raises, or is none.
 */
export async function evaluate(expression: string, distPort: number, env: NodeJS.ProcessEnv): Promise<string> {
  // erl_call prints terms in a way of its own and mangles what is not ASCII, so the node prints, as base64.
  const print = (tag: string, term: string) =>
    `io:put_chars([$${tag}, base64:encode(unicode:characters_to_binary(io_lib:format("~0tp", [${term}])))])`;
  // It reads bytes: what is not ASCII is spelt as Erlang's strings spell it.
  const ascii = expression.replace(/[^\x20-\x7e\s]/gu, (letter) => `\\x{${letter.codePointAt(0)?.toString(16)}}`);
  const input = `try begin ${ascii.trim().replace(/\.$/, '')} end of
    StatelessdValue -> ${print('=', 'StatelessdValue')}
    catch StatelessdClass:StatelessdReason -> ${print('!', '{StatelessdClass, StatelessdReason}')} end.\n`;
  const args = ['-address', `127.0.0.1:${distPort}`, '-timeout', '30', '-fetch_stdout', '-no_result_term', '-e'];
  const { stdout, stderr, code } = await run('erl_call', args, { env, input });
  const text = Buffer.from(stdout.slice(1), 'base64').toString();
  if (stdout.startsWith('=')) return text;
  if (stdout.startsWith('!')) throw new Error(`${expression}: ${text}`);
  throw new Error(`${expression}: ${stderr.trim() || 'not an Erlang expression'} (erl_call exited with ${code})`);
}
