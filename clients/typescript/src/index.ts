// The core of sms-login's client, without dependencies.
export { createSmsLogin } from './client.js';
export type { LoginOptions, RequestCodeOptions, SmsLogin } from './client.js';
export type { Delivery } from './delivery.js';
export type { RefreshResult, TokenPayload } from './session.js';
export { browserName } from './browser-name.js';
export { memoryStorage, webStorage } from './storage.js';
export type * from './types.js';
