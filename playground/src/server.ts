// The settings of the server that the page needs.
import { createContext } from 'react';

export interface ServerInfo {
  /** The region of numbers without a calling code. */
  defaultRegion: string;
  /** The regions that receive codes; null for all. */
  allowedRegions: string[] | null;
  /** Whether codes can also be read aloud in a call. */
  calls: boolean;
  /** The path of the printed messages, if the server prints them. */
  inbox: string | null;
}

const FALLBACK: ServerInfo = { defaultRegion: 'CN', allowedRegions: null, calls: false, inbox: null };

export const ServerContext = createContext(FALLBACK);

export async function loadServerInfo(): Promise<ServerInfo> {
  try {
    const response = await fetch('/playground.json');
    return response.ok ? ((await response.json()) as ServerInfo) : FALLBACK;
  } catch {
    return FALLBACK;
  }
}
