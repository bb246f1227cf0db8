// How far the message of a code has got: over a WebSocket, or by polling if the WebSocket fails.
import * as documents from './generated/documents.js';
import type { Transport } from './transport.js';
import type { DeliveryStatus, SmsLoginOptions, WebSocketClass } from './types.js';

const POLL_MS = 3000;
/** Longer than most codes are valid. */
const POLLING_MS = 10 * 60_000;

export interface Delivery {
  status: DeliveryStatus;
  /** Why the message could not be delivered, in English. */
  reason: string | null;
}

const isFinal = ({ status }: Delivery) => status !== 'QUEUED' && status !== 'ACCEPTED';

/** Calls `listener` for each status until the last one, or until the returned function is called. */
export function followDelivery(
  { url, WebSocket = globalThis.WebSocket as unknown as WebSocketClass }: SmsLoginOptions,
  transport: Transport,
  challengeId: string,
  listener: (delivery: Delivery) => void,
): () => void {
  const until = Date.now() + POLLING_MS;
  const variables = { id: challengeId };
  let isDone = false;
  let stop = () => {};

  function report(delivery: Delivery | null | undefined): void {
    if (isDone || !delivery) return;
    isDone = isFinal(delivery);
    listener(delivery);
  }

  async function poll(): Promise<void> {
    // A poll that fails is repeated.
    const { data } = await transport.send(documents.Delivery, variables).catch(() => ({ data: undefined }));
    report(data?.codeDelivery as Delivery | undefined);
    if (isDone || Date.now() > until) return;
    const timer = setTimeout(() => void poll(), POLL_MS);
    stop = () => clearTimeout(timer);
  }

  /** Speaks the protocol graphql-transport-ws, as far as one subscription needs it. */
  function listen(): void {
    const page = globalThis.location?.href;
    const socket = new WebSocket((page ? new URL(url, page).href : url).replace(/^http/, 'ws'), 'graphql-transport-ws');
    const send = (message: object) => socket.send(JSON.stringify(message));
    let hasFailed = false;
    const giveUp = () => {
      if (hasFailed || isDone) return;
      hasFailed = true;
      void poll();
    };
    stop = () => socket.close();
    socket.onopen = () => send({ type: 'connection_init' });
    socket.onclose = socket.onerror = giveUp;
    socket.onmessage = ({ data }: { data: string }) => {
      const { type, payload } = JSON.parse(data);
      if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: { query: documents.DeliveryChanges, variables } });
      else if (type === 'ping') send({ type: 'pong' });
      else if (type === 'next') report(payload.data?.codeDelivery);
      // After an error, and after a subscription that has ended too early, `onclose` polls.
      if (isDone || type === 'complete' || type === 'error') socket.close();
    };
  }

  try {
    listen();
  } catch {
    // There is no WebSocket, or the page must not use it.
    void poll();
  }
  return () => {
    isDone = true;
    stop();
  };
}
