// Requests to the server: one POST, its answer as a result, and the server's time.
import type { Problem, ProblemCode, Result, SmsLoginOptions } from './types.js';

const TIMEOUT_MS = 15_000;

interface GraphQLError {
  message: string;
  extensions?: { code?: string; retryAfterSeconds?: number; requestId?: string };
}

export interface Reply {
  data?: Record<string, unknown> | null;
  errors?: GraphQLError[];
}

export interface Transport {
  /** Sends a document. Rejects if there is no answer. */
  send(query: string, variables: object, token?: string): Promise<Reply>;
  /** Converts a time of the server to this device's clock, in milliseconds. */
  localTime(instant: string): number;
  /** Learns the server's time from a token, in seconds. Headers are more exact, but pages of another origin cannot read them. */
  learn(seconds: number): void;
}

export function createTransport({ url, cookies, fetch }: SmsLoginOptions): Transport {
  const headers: Record<string, string> = {
    accept: 'application/graphql-response+json, application/json',
    'content-type': 'application/json',
  };
  if (cookies) headers['x-sms-login-cookies'] = '1';
  let skew = 0;
  let isExact = false;

  function learn(serverTime: number): void {
    const difference = serverTime - Date.now();
    // The server's times have whole seconds.
    skew = Math.abs(difference) < 2000 ? 0 : difference;
  }

  return {
    async send(query, variables, token) {
      const init = {
        method: 'POST',
        headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
        body: JSON.stringify({ query, variables }),
        credentials: cookies ? ('include' as const) : ('omit' as const),
      };
      let timer;
      const timeout = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('The server did not answer in time.')), TIMEOUT_MS);
      });
      const answer = async () => {
        // Called without an object: a browser's fetch rejects a foreign `this`.
        const response = await (fetch ?? globalThis.fetch)(url, init);
        const date = Date.parse(response.headers.get('date') ?? '');
        if (date) {
          isExact = true;
          learn(date + 500);
        }
        return (await response.json()) as Reply;
      };
      try {
        return await Promise.race([answer(), timeout]);
      } finally {
        clearTimeout(timer);
      }
    },
    localTime: (instant) => Date.parse(instant) - skew,
    learn: (seconds) => isExact || learn(seconds * 1000),
  };
}

export function fail<Code extends ProblemCode>(code: Code, message: string, rest?: object): { ok: false; problem: Problem<Code> } {
  return { ok: false, problem: { ...rest, code, message } };
}

/** Returns whether the server rejected the access token. */
export function isTokenRejected({ errors }: Reply): boolean {
  return !!errors?.some(({ extensions }) => /^TOKEN_/.test(extensions?.code ?? ''));
}

/** Waits for an answer to a document with one mutation, and returns its payload or why there is none. */
export async function toResult<T, Code extends ProblemCode = ProblemCode>(answer: Promise<Reply>): Promise<Result<T, Code>> {
  let reply: Reply;
  try {
    reply = await answer;
  } catch (error) {
    return fail('NETWORK' as Code, String(error));
  }

  const [error] = reply.errors ?? [];
  const [payload] = Object.values(reply.data ?? {}) as [(Partial<Problem> & { retryAfterSeconds?: number }) | undefined];
  const found = error ? { ...error.extensions, message: error.message } : payload;
  if (!found) return fail('UNKNOWN' as Code, 'The answer has no data.');
  if (!error && !('code' in found)) return { ok: true, ...found } as unknown as Result<T, Code>;

  const { code, message, retryAfterSeconds, ...rest } = found;
  const isKnown = code && !/^GRAPHQL_|^PERSISTED_/.test(code);
  const retryAt = retryAfterSeconds == null ? undefined : Date.now() + retryAfterSeconds * 1000;
  return fail((isKnown ? code : 'UNKNOWN') as Code, message ?? '', { ...rest, retryAt });
}

/** Reads a stored value. Undefined if there is none, or if something else has changed it. */
export function parse<T>(text: string | null | undefined): T | undefined {
  try {
    return JSON.parse(text || 'null') ?? undefined;
  } catch {
    return undefined;
  }
}
