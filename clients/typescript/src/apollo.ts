// A link for Apollo Client 4 that adds the access token.
import { ApolloLink, Observable } from '@apollo/client';
import type { SmsLogin } from './client.js';
import { isTokenRejected, type Reply } from './transport.js';

/**
 * Returns a link that sends each operation with a valid access token, and again with a new one if the server rejects it:
 *
 * ```ts
 * new ApolloClient({ link: smsLoginLink(smsLogin).concat(new HttpLink({ uri })), cache: new InMemoryCache() });
 * ```
 */
export function smsLoginLink(smsLogin: SmsLogin): ApolloLink {
  return new ApolloLink((operation, forward) => {
    return new Observable((observer) => {
      let isClosed = false;
      let subscription: { unsubscribe(): void } | undefined;

      const run = (token: string | undefined, isLast: boolean): void => {
        if (isClosed) return;
        operation.setContext(({ headers }: { headers?: Record<string, string> }) => {
          return { headers: token ? { ...headers, authorization: `Bearer ${token}` } : { ...headers } };
        });
        let isRetried = false;
        subscription = forward(operation).subscribe({
          next(answer) {
            if (isLast || !token || !isTokenRejected(answer as Reply)) return observer.next(answer);
            isRetried = true;
            // If the session has ended, the answer says so.
            void smsLogin.refresh(token).then((result) => (result.ok ? run(result.accessToken, true) : finish(answer)));
          },
          error: (error) => observer.error(error),
          complete: () => isRetried || observer.complete(),
        });
      };
      const finish = (answer: ApolloLink.Result) => {
        if (isClosed) return;
        observer.next(answer);
        observer.complete();
      };

      void smsLogin.accessToken().then((token) => run(token, false));
      return () => {
        isClosed = true;
        subscription?.unsubscribe();
      };
    });
  });
}
