// The messages that the server prints instead of sending (only in embedded mode, on this machine).
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { SmsMessage } from './messages';

/** The messages whose codes the open form accepts, and what happens if the user wants to use one. */
export interface Offer {
  ids: number[];
  use: (message: SmsMessage) => void;
}

interface Inbox {
  messages: SmsMessage[];
  /** Whether the server does not show its messages to this browser. */
  isClosed: boolean;
  /** Fetches the messages now. */
  look: () => Promise<SmsMessage[]>;
  offer: Offer | undefined;
  setOffer: (offer: Offer | undefined) => void;
}

const NONE: Inbox = { messages: [], isClosed: false, look: async () => [], offer: undefined, setOffer: () => undefined };
const LOOK_EVERY_MS = 3000;
/** The random token in the address that the server prints for a phone in the same network. */
const TOKEN = new URLSearchParams(window.location.search).get('inbox');
const Context = createContext(NONE);

/** Returns the messages, or null if they are not for this browser. */
async function fetchMessages(url: string): Promise<SmsMessage[] | null> {
  const response = await fetch(url, TOKEN ? { headers: { 'X-Inbox-Token': TOKEN } } : undefined);
  if (response.status === 403) return null;
  if (!response.ok) return [];
  return ((await response.json()) as { messages: SmsMessage[] }).messages;
}

export function InboxProvider({ url, children }: { url: string | null; children: ReactNode }) {
  const [messages, setMessages] = useState<SmsMessage[]>([]);
  const [isClosed, setIsClosed] = useState(false);
  const [offer, setOffer] = useState<Offer>();
  const look = useCallback(async () => {
    if (!url || isClosed) return [];
    try {
      const found = await fetchMessages(url);
      setIsClosed(found === null);
      setMessages(found ?? []);
      return found ?? [];
    } catch {
      // The next fetch may succeed. Other requests report that the server cannot be reached.
      return [];
    }
  }, [url, isClosed]);
  useEffect(() => {
    if (!url || isClosed) return;
    void look();
    const timer = setInterval(() => document.hidden || void look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [url, isClosed, look]);
  const value = useMemo(() => ({ messages, isClosed, look, offer, setOffer }), [messages, isClosed, look, offer]);
  return <Context value={value}>{children}</Context>;
}

export function useInbox(): Inbox {
  return useContext(Context);
}
