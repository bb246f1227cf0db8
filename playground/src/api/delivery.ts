// How far the message of a code has got: over a WebSocket, or by polling if the WebSocket fails.
import { print } from 'graphql';
import { client } from './client';
import {
  CodeDeliveryDocument,
  type CodeDeliveryQuery,
  DeliveryChangesDocument,
  type DeliveryChangesSubscription,
} from './generated/operations';

export type Delivery = NonNullable<CodeDeliveryQuery['codeDelivery']>;

const POLL_MS = 3000;
// Longer than most codes are valid.
const POLLING_MS = 10 * 60_000;

type Listener = (delivery: Delivery) => void;

/** Calls `onChange` for each status until the last one, or until the returned function is called. */
export function followDelivery(challengeId: string, onChange: Listener): () => void {
  const abort = new AbortController();
  void listen(challengeId, onChange, abort.signal).catch(() => poll(challengeId, onChange, abort.signal));
  return () => abort.abort();
}

async function listen(challengeId: string, onChange: Listener, signal: AbortSignal): Promise<void> {
  // Loaded on demand: the first view does not need it.
  const { createClient } = await import('graphql-ws');
  if (signal.aborted) return;
  const url = new URL('/graphql', location.href).href.replace(/^http/, 'ws');
  const socket = createClient({ url, retryAttempts: 0 });
  signal.addEventListener('abort', () => void socket.dispose());
  try {
    const request = { query: print(DeliveryChangesDocument), variables: { challengeId } };
    for await (const { data, errors } of socket.iterate<DeliveryChangesSubscription>(request)) {
      if (signal.aborted) return;
      if (errors || !data) throw new Error('the subscription failed');
      onChange(data.codeDelivery);
    }
  } finally {
    await socket.dispose();
  }
}

async function poll(challengeId: string, onChange: Listener, signal: AbortSignal): Promise<void> {
  const until = Date.now() + POLLING_MS;
  while (!signal.aborted && Date.now() < until) {
    const delivery = await look(challengeId);
    if (signal.aborted) return;
    if (delivery) onChange(delivery);
    if (delivery && delivery.status !== 'QUEUED' && delivery.status !== 'ACCEPTED') return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function look(challengeId: string): Promise<Delivery | undefined> {
  const request = { query: CodeDeliveryDocument, variables: { challengeId }, fetchPolicy: 'no-cache' } as const;
  try {
    const { data } = await client.query(request);
    return data?.codeDelivery ?? undefined;
  } catch {
    // The next look may succeed.
    return undefined;
  }
}
