// Small components that several views share.
import { type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import type { Problem } from 'sms-login';
import { explain, formatWait, useTimeLeft } from 'sms-login/react';
import { ownPicture } from './avatar';
import { useLanguage } from './i18n';
import { regionNames } from './i18n/format';
import { ServerContext } from './server';

/** Shows a problem as a sentence, with a countdown that a screen reader announces only once. */
export function ProblemNote({ problem, id }: { problem: Problem | undefined; id?: string }) {
  const { sms, locale, gap } = useLanguage();
  const { allowedRegions } = useContext(ServerContext);
  const left = useTimeLeft(problem?.retryAt);
  if (!problem) return null;
  const { retryAt, requestId } = problem;
  const sentence = explain(problem, sms, regionNames(allowedRegions, locale));
  const wait = retryAt == null ? '' : left > 0 ? sms.wait(formatWait(left, locale)) : sms.retry;
  return (
    <div className="note note-bad" id={id}>
      <p aria-hidden="true">
        {sentence}
        {wait && gap + wait}
        {requestId && <small>{sms.request(requestId)}</small>}
      </p>
      <Spoken key={sentence + (retryAt ?? '')} sentence={sentence} retryAt={retryAt} />
    </div>
  );
}

function Spoken({ sentence, retryAt }: { sentence: string; retryAt: number | null | undefined }) {
  const { sms, locale, gap } = useLanguage();
  // A screen reader announces each change of the text, so this text does not change.
  const [left] = useState(() => (retryAt == null ? 0 : retryAt - Date.now()));
  return (
    <p role="alert" className="sr-only">
      {sentence}
      {left > 0 && gap + sms.wait(formatWait(left, locale))}
    </p>
  );
}

export function Note({ children }: { children: ReactNode }) {
  return (
    <p className="note note-good" role="status">
      {children}
    </p>
  );
}

/** Says what is wrong with a field, before anything is sent. */
export function FieldError({ sentence, id }: { sentence: string | undefined; id: string }) {
  return sentence ? (
    <p className="note note-bad" role="alert" id={id}>
      {sentence}
    </p>
  ) : null;
}

let somethingWasShown = false;

/** Returns whether the page opens with this view. */
export function useIsFirstView(): boolean {
  const [isFirst] = useState(() => !somethingWasShown);
  return isFirst;
}

/** The heading of a view. It takes the focus when its view replaces another one. */
export function Heading({ id, className, children }: { id?: string; className?: string; children: ReactNode }) {
  const isFirst = useIsFirstView();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    somethingWasShown = true;
    if (!isFirst) heading.current?.focus();
  }, [isFirst]);
  return (
    <h1 ref={heading} id={id} className={className} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** The shape of a card, while its contents are not known. */
export function Skeleton() {
  const { t } = useLanguage();
  return (
    <section className="card card-narrow skeleton" role="status">
      <span className="sr-only">{t.loading}</span>
      <span className="bone bone-heading" />
      <span className="bone" />
      <span className="bone bone-field" />
      <span className="bone bone-field" />
    </section>
  );
}

export function Spinner() {
  const { t } = useLanguage();
  return (
    <div className="spinner" role="status">
      <span className="sr-only">{t.loading}</span>
    </div>
  );
}

export function Avatar({ url, name, size }: { url: string; name: string; size: number }) {
  return (
    <span className="avatar" aria-hidden="true">
      {url ? <img src={ownPicture(url) ?? url} alt="" width={size} height={size} referrerPolicy="no-referrer" /> : name.slice(0, 1)}
    </span>
  );
}
