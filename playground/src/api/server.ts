// What the server says of itself to the page.

export interface ServerInfo {
  /** The region in which a national number is read. */
  defaultRegion: string;
  /** The regions that codes are sent to; null for all. */
  allowedRegions: string[] | null;
  /** Where the messages are that the server prints, where it prints them. */
  inbox: string | null;
}

const FALLBACK: ServerInfo = { defaultRegion: 'CN', allowedRegions: null, inbox: null };

export async function loadServerInfo(): Promise<ServerInfo> {
  try {
    const response = await fetch('/playground.json');
    return response.ok ? ((await response.json()) as ServerInfo) : FALLBACK;
  } catch {
    return FALLBACK;
  }
}
