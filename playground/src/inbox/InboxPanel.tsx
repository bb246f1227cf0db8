import { formatPhone, useSmsLogin } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { useInbox } from './inbox';

const SHOWN = 3;

export function InboxPanel() {
  const { t, locale } = useLanguage();
  const { client } = useSmsLogin();
  const { messages, isClosed, offer } = useInbox();
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
  return (
    <aside className="inbox" aria-labelledby="inbox-heading">
      <h2 id="inbox-heading">{t.inbox.heading}</h2>
      <p className="muted">{isClosed ? t.inbox.closed : t.inbox.lead}</p>
      <ol aria-live="polite" aria-relevant="additions">
        {messages.slice(0, SHOWN).map((message) => (
          <li key={message.id} className="bubble">
            <p className="bubble-head">
              <span>{t.inbox.to(formatPhone(message.phone))}</span>
              <time dateTime={message.sentAt}>{time.format(client.localTime(message.sentAt))}</time>
            </p>
            <p lang="en">{message.text}</p>
            {offer?.ids.includes(message.id) && (
              <button type="button" className="button-small" onClick={() => offer.use(message)}>
                {t.inbox.use(message.code)}
              </button>
            )}
          </li>
        ))}
      </ol>
      {messages.length === 0 && !isClosed && <p className="inbox-empty">{t.inbox.empty}</p>}
    </aside>
  );
}
