// Sentences for users: the language, the explanation of a problem, and durations.
import type { Delivery } from '../delivery.js';
import type { Problem } from '../types.js';
import { en, zh, type Messages } from './messages.js';

/** Returns whether the user reads Chinese: by the given locale, or the first of the browser's that is Chinese or English. */
export function isChinese(locale: string | undefined): boolean {
  const locales = locale ? [locale] : (globalThis.navigator?.languages ?? []);
  return /^zh/i.test(locales.find((candidate) => /^(zh|en)\b/i.test(candidate)) ?? '');
}

/** Returns the texts of a language. */
export function messagesFor(locale?: string): Messages {
  return isChinese(locale) ? zh : en;
}

/** Explains a problem to the user. `regions` are the names of the regions that receive codes, if not all do. */
export function explain({ code, field, limit, attemptsRemaining }: Problem, messages: Messages, regions?: string): string {
  const { problems, limits, fields } = messages;
  if (code === 'CODE_INCORRECT' && attemptsRemaining != null) return messages.codeIncorrect(attemptsRemaining);
  if (code === 'REGION_NOT_ALLOWED' && regions) return problems[code] + messages.allowedRegions(regions);
  if (code === 'BAD_INPUT' && field && fields[field]) return fields[field];
  // A newer server may have codes that this version does not know.
  return (limit && limits[limit]) ?? problems[code] ?? problems.UNKNOWN;
}

/** Explains how far a message has got. */
export function explainDelivery({ status, reason }: Delivery, t: Messages): string {
  const texts = { QUEUED: t.underWay, ACCEPTED: t.underWay, DELIVERED: t.delivered, FAILED: t.failed(reason ?? ''), UNKNOWN: t.noReceipt };
  return texts[status];
}

/** Formats a duration in its two largest units. */
export function formatWait(milliseconds: number, locale: string): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const [large, small, size] = seconds < 3600 ? (['minute', 'second', 60] as const) : (['hour', 'minute', 3600] as const);
  const rest = size === 60 ? seconds % 60 : Math.floor((seconds % 3600) / 60);
  const unitDisplay = /^zh/.test(locale) ? 'short' : 'long';
  return ([[large, Math.floor(seconds / size)], [small, rest]] as const)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay }).format(count))
    .join(/^zh/.test(locale) ? '' : ' ');
}
