// The form for the phone number, which requests a code.
import { useId, useState } from 'react';
import type { CodePurpose } from 'sms-login';
import { formatWait, usePhoneForm } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { FieldError, ProblemNote } from '../parts';
import type { ServerInfo } from '../server';
import { keep, readKept } from './kept';
import type { RequestedCode } from './useCode';

interface Props {
  server: ServerInfo;
  purpose: CodePurpose;
  label: string;
  autoFocus: boolean;
  request: RequestedCode['request'];
}

export function PhoneForm({ server, purpose, label, autoFocus, request }: Props) {
  const { sms, locale } = useLanguage();
  const id = useId();
  const [typed] = useState(() => readKept(purpose).typed);
  const form = usePhoneForm({
    request,
    messages: sms,
    regions: server.allowedRegions,
    defaultRegion: server.defaultRegion,
    typed,
    onChange: (next) => keep(purpose, { typed: next }),
  });
  const { region, wait, mistake } = form;
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });
  return (
    <form noValidate onSubmit={form.submit}>
      <div className="phone">
        <div className="field">
          <label htmlFor={`${id}-region`}>{sms.region}</label>
          <select
            id={`${id}-region`}
            autoComplete="tel-country-code"
            value={region?.code}
            onChange={(event) => form.change({ region: event.target.value })}
          >
            {form.choices.map((choice) => (
              <option key={choice.code} value={choice.code}>
                {names.of(choice.code)} +{choice.calling}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-number`}>{label}</label>
          <input
            ref={form.field}
            id={`${id}-number`}
            name="phone"
            type="tel"
            inputMode="tel"
            autoComplete="tel-national"
            autoFocus={autoFocus}
            required
            placeholder={region?.example}
            value={form.number}
            aria-invalid={form.isInvalid}
            aria-describedby={`${id}-problem`}
            onChange={(event) => form.change({ number: event.target.value })}
          />
        </div>
      </div>
      {mistake ? (
        <FieldError id={`${id}-problem`} sentence={mistake} />
      ) : (
        <ProblemNote problem={request.problem} id={`${id}-problem`} />
      )}
      <button type="submit" className="button-main" aria-disabled={request.busy || wait > 0} data-busy={request.busy}>
        {wait > 0 ? sms.sendIn(formatWait(wait, locale)) : sms.send}
      </button>
    </form>
  );
}
