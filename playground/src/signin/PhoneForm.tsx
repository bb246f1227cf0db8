// The form for the phone number, which requests a code.
import { useId, useState } from 'react';
import type { ServerInfo } from '../api/server';
import { type Action, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { FailureNote } from '../parts';
import { fullNumber, regionChoices } from '../regions';

interface Props {
  server: ServerInfo;
  label: string;
  autoFocus: boolean;
  action: Action<[phone: string]>;
}

export function PhoneForm({ server, label, autoFocus, action }: Props) {
  const { t, locale } = useLanguage();
  const id = useId();
  const regions = regionChoices(server.allowedRegions, server.defaultRegion);
  const [code, setCode] = useState(regions[0]?.code);
  const [typed, setTyped] = useState('');
  const region = regions.find((choice) => choice.code === code);
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });
  const wait = useTimeLeft(action.failure?.limit === 'COOLDOWN' ? action.failure.retryAt : undefined);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (wait === 0) void action.run(fullNumber(typed, region));
      }}
    >
      <div className="phone">
        <div className="field">
          <label htmlFor={`${id}-region`}>{t.phone.region}</label>
          <select
            id={`${id}-region`}
            autoComplete="tel-country-code"
            value={code}
            onChange={(event) => {
              setCode(event.target.value);
              action.clear();
            }}
          >
            {regions.map((choice) => (
              <option key={choice.code} value={choice.code}>
                {names.of(choice.code)} +{choice.calling}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-number`}>{label}</label>
          <input
            id={`${id}-number`}
            name="phone"
            type="tel"
            inputMode="tel"
            autoComplete="tel-national"
            autoFocus={autoFocus}
            required
            placeholder={region?.example}
            value={typed}
            aria-invalid={action.failure?.code === 'INVALID_PHONE'}
            aria-describedby={`${id}-failure`}
            onChange={(event) => {
              setTyped(event.target.value);
              action.clear();
            }}
          />
        </div>
      </div>
      <FailureNote failure={action.failure} id={`${id}-failure`} />
      <button type="submit" className="button-main" aria-disabled={action.busy || wait > 0} data-busy={action.busy}>
        {wait > 0 ? t.phone.sendIn(formatWait(wait, locale)) : t.phone.send}
      </button>
    </form>
  );
}
