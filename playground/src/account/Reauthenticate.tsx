import { mutate } from '../api/client';
import { ReauthenticateDocument } from '../api/generated/operations';
import { acceptAccess } from '../api/session';
import { useLanguage } from '../i18n';
import { readable } from '../regions';
import { OwnPhone } from './OwnPhone';

/** Confirms that the user of the session has the account's phone. */
export function Reauthenticate({ phone, onDone }: { phone: string; onDone: () => void }) {
  const { t } = useLanguage();
  return (
    <OwnPhone
      phone={phone}
      purpose="REAUTHENTICATE"
      lead={t.reauthenticate.lead(readable(phone))}
      confirmLabel={t.reauthenticate.confirm}
      danger={false}
      action={async (input) => {
        acceptAccess(await mutate(ReauthenticateDocument, { input }));
        onDone();
      }}
    />
  );
}
