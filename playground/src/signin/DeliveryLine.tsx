// A line that says how far the message has got.
import { explainDelivery, useDelivery } from 'sms-login/react';
import { useLanguage } from '../i18n';

export function DeliveryLine({ challengeId }: { challengeId: string }) {
  const { sms } = useLanguage();
  const delivery = useDelivery(challengeId);
  // A screen reader only announces changes of an element that is there before.
  return (
    <p className="muted small" aria-live="polite">
      {delivery && explainDelivery(delivery, sms)}
    </p>
  );
}
