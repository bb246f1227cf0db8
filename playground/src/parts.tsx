// Small components that several views share.
import { type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import type { Failure } from './api/failure';
import { ServerContext } from './api/server';
import { ownPicture } from './avatar';
import { useTimeLeft } from './hooks';
import { useLanguage } from './i18n';
import { explain } from './i18n/explain';
import { formatWait, regionNames } from './i18n/format';

/** Shows a failure as a sentence, with a countdown that a screen reader announces only once. */
export function FailureNote({ failure, id }: { failure: Failure | undefined; id?: string }) {
  const { t, locale, gap } = useLanguage();
  const { allowedRegions } = useContext(ServerContext);
  const left = useTimeLeft(failure?.retryAt);
  if (!failure) return null;
  const sentence = explain(failure, t, regionNames(allowedRegions, locale));
  const wait = failure.retryAt === undefined ? '' : left > 0 ? t.wait(formatWait(left, locale)) : t.waitOver;
  return (
    <div className="note note-bad" id={id}>
      <p aria-hidden="true">
        {sentence}
        {wait && gap + wait}
        {failure.requestId && <small>{t.errors.request(failure.requestId)}</small>}
      </p>
      <Spoken key={sentence + (failure.retryAt ?? '')} sentence={sentence} retryAt={failure.retryAt} />
    </div>
  );
}

function Spoken({ sentence, retryAt }: { sentence: string; retryAt: number | undefined }) {
  const { t, locale, gap } = useLanguage();
  // A screen reader announces each change of the text, so this text does not change.
  const [left] = useState(() => (retryAt === undefined ? 0 : retryAt - Date.now()));
  return (
    <p role="alert" className="sr-only">
      {sentence}
      {left > 0 && gap + t.wait(formatWait(left, locale))}
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
