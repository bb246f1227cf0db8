// The messages that the server prints instead of sending (only in embedded mode, on this machine).
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';

export interface SmsMessage {
  id: number;
  phone: string;
  code: string;
  text: string;
  sentAt: string;
}

interface Inbox {
  messages: SmsMessage[];
  /** Fetches new messages now. */
  look: () => void;
  /** The message whose code the user wants to use. */
  picked: SmsMessage | undefined;
  pick: (message: SmsMessage | undefined) => void;
  /** The phone for which the form expects a code. */
  awaited: string | undefined;
  setAwaited: (phone: string | undefined) => void;
}

const nothing = () => undefined;
const NONE: Inbox = {
  messages: [],
  look: nothing,
  picked: undefined,
  pick: nothing,
  awaited: undefined,
  setAwaited: nothing,
};
const LOOK_EVERY_MS = 3000;
/** The random token in the address that the server prints for a phone in the same network. */
const TOKEN = new URLSearchParams(window.location.search).get('inbox');
const Context = createContext(NONE);

export function InboxProvider({ url, children }: { url: string | null; children: ReactNode }) {
  const [messages, setMessages] = useState<SmsMessage[]>([]);
  const [picked, pick] = useState<SmsMessage>();
  const [awaited, setAwaited] = useState<string>();
  const look = useCallback(() => {
    if (!url) return;
    fetch(url, TOKEN ? { headers: { 'X-Inbox-Token': TOKEN } } : undefined)
      .then((response) => (response.ok ? response.json() : { messages: [] }))
      .then((answer: { messages: SmsMessage[] }) => setMessages(answer.messages))
      // The next fetch may succeed. Other requests report that the server cannot be reached.
      .catch(() => undefined);
  }, [url]);
  useEffect(() => {
    if (!url) return;
    look();
    const timer = setInterval(() => document.hidden || look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [url, look]);
  const value = useMemo(
    () => ({ messages, look, picked, pick, awaited, setAwaited }),
    [messages, look, picked, awaited],
  );
  return <Context value={value}>{children}</Context>;
}

export function useInbox(): Inbox {
  return useContext(Context);
}
