// The client of the API: one session for all views.
import { browserName, createSmsLogin, webStorage } from 'sms-login';

const storage = webStorage();

export const client = createSmsLogin({ url: '/graphql', deviceName: browserName, storage });

/** Returns the refresh token of the session, which the Explorer shows. Apps do not need it: the client refreshes by itself. */
export function refreshToken(): string | undefined {
  try {
    return (JSON.parse(String(storage.getItem('sms-login.session'))) as { refreshToken?: string }).refreshToken;
  } catch {
    return undefined;
  }
}
