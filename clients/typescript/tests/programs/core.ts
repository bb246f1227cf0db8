// A program that uses the installed package: it signs in with the code from its standard input, and compiles only if a switch
// over the codes of a problem is exhaustive.
import { createInterface } from 'node:readline/promises';
import { createSmsLogin, memoryStorage, type CodeOf } from 'sms-login';

function explain(code: CodeOf<'verifyCode'>): string {
  switch (code) {
    case 'CODE_INCORRECT':
      return 'wrong';
    case 'CODE_EXPIRED':
    case 'CHALLENGE_MISMATCH':
      return 'request a new code';
    case 'BAD_INPUT':
    case 'INVALID_PHONE':
      return 'check your input';
    case 'RATE_LIMITED':
      return 'wait';
    case 'UNAVAILABLE':
    case 'INTERNAL':
    case 'QUERY_TOO_COMPLEX':
    case 'NETWORK':
    case 'UNKNOWN':
      return 'try again';
    default:
      return code satisfies never;
  }
}

export const storage = memoryStorage();

/** Signs in, and returns the client. */
export async function signIn(url: string, phone: string) {
  const smsLogin = createSmsLogin({ url, storage });
  const sent = await smsLogin.requestCode({ phone });
  if (!sent.ok) throw new Error(sent.problem.message);
  console.log('sent');
  const terminal = createInterface({ input: process.stdin });
  const [code] = await new Promise<string[]>((resolve) => terminal.once('line', (line) => resolve([line])));
  terminal.close();
  const result = await smsLogin.login({ code: code! });
  if (!result.ok) throw new Error(explain(result.problem.code === 'SIGNUP_FAILED' || result.problem.code === 'ACCOUNT_DISABLED' ? 'UNAVAILABLE' : result.problem.code));
  return smsLogin;
}

/** Makes the server reject the access token, so that the next request needs a new one. */
export function forge(): void {
  const session = JSON.parse(storage.getItem('sms-login.session') as string) as object;
  storage.setItem('sms-login.session', JSON.stringify({ ...session, accessToken: 'rejected' }));
}
