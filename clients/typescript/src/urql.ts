// An exchange for urql that adds the access token.
import { makeOperation, mapExchange, type Exchange } from '@urql/core';
import type { SmsLogin } from './client.js';

/**
 * Returns an exchange that sends each operation with a valid access token, and again with a new one if the server rejects it.
 * Place it before `fetchExchange`:
 *
 * ```ts
 * new Client({ url, exchanges: [cacheExchange, smsLoginExchange(smsLogin), fetchExchange] });
 * ```
 */
export function smsLoginExchange(smsLogin: SmsLogin): Exchange {
  return mapExchange({
    onOperation: (operation) => makeOperation(operation.kind, operation, { ...operation.context, fetch: smsLogin.fetch }),
  });
}
