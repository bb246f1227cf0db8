// Runs an operation: over HTTP, or over a WebSocket if it is a subscription.
import { parse } from 'graphql';
import { client } from '../client';
import { isPageToken } from './store';

export interface Request {
  query: string;
  variables: Record<string, unknown>;
  headers: Record<string, string>;
}

/** Parses the texts of variables and headers. Throws a `SyntaxError` if one is not JSON. */
export function readRequest(query: string, variables: string, headers: string): Request {
  const parsed = JSON.parse(headers.trim() || '{}') as Record<string, unknown>;
  return {
    query,
    variables: JSON.parse(variables.trim() || '{}') as Record<string, unknown>,
    headers: Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)])),
  };
}

function isSubscription(query: string): boolean {
  try {
    return parse(query).definitions.some((definition) => 'operation' in definition && definition.operation === 'subscription');
  } catch {
    // The server explains the syntax error.
    return false;
  }
}

/** Calls `onResult` for each response, until the last one or until `signal` aborts. */
export async function run(request: Request, onResult: (result: unknown) => void, signal: AbortSignal): Promise<void> {
  if (isSubscription(request.query)) return follow(request, onResult, signal);
  const { query, variables } = request;
  const headers = new Headers({
    accept: 'application/graphql-response+json',
    'content-type': 'application/json',
    ...request.headers,
  });
  const init = { method: 'POST', headers, body: JSON.stringify({ query, variables }), signal };
  const ours = isPageToken(headers.get('authorization') ?? '');
  const response = await (ours ? client.fetch : fetch)('/graphql', init);
  onResult(await response.json());
}

async function follow({ query, variables }: Request, onResult: (result: unknown) => void, signal: AbortSignal) {
  const { createClient } = await import('graphql-ws');
  const url = new URL('/graphql', location.href).href.replace(/^http/, 'ws');
  const socket = createClient({ url, retryAttempts: 0 });
  signal.addEventListener('abort', () => void socket.dispose());
  try {
    for await (const result of socket.iterate({ query, variables })) onResult(result);
  } finally {
    await socket.dispose();
  }
}
