import { mutate } from '../api/client';
import { DeleteAccountDocument } from '../api/generated/operations';
import { forget } from '../api/session';
import { DELETE_ACCOUNT } from '../route';
import { useLanguage } from '../i18n';
import { readable } from '../regions';
import { OwnPhone } from './OwnPhone';

export function DeleteAccount({ phone }: { phone: string }) {
  const { t } = useLanguage();
  return (
    <OwnPhone
      phone={phone}
      purpose="DELETE_ACCOUNT"
      panel={DELETE_ACCOUNT}
      lead={t.deleteAccount.lead(readable(phone))}
      confirmLabel={t.deleteAccount.confirm}
      warning={t.deleteAccount.warning}
      danger
      action={async (input) => {
        await mutate(DeleteAccountDocument, { input });
        forget('deleted');
      }}
    />
  );
}
