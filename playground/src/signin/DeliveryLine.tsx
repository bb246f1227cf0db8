// A line that says how far the message has got.
import { useEffect, useState } from 'react';
import { type Delivery, followDelivery } from '../api/delivery';
import { useLanguage } from '../i18n';
import type { Messages } from '../i18n/en';

export function DeliveryLine({ challengeId }: { challengeId: string }) {
  const { t } = useLanguage();
  const [delivery, setDelivery] = useState<Delivery>();
  useEffect(() => {
    setDelivery(undefined);
    return followDelivery(challengeId, setDelivery);
  }, [challengeId]);
  // A screen reader only announces changes of an element that is there before.
  return (
    <p className="muted small" aria-live="polite">
      {delivery && explain(delivery, t)}
    </p>
  );
}

function explain({ status, reason }: Delivery, { delivery }: Messages): string {
  switch (status) {
    case 'QUEUED':
    case 'ACCEPTED':
      return delivery.underWay;
    case 'DELIVERED':
      return delivery.delivered;
    case 'FAILED':
      return delivery.failed(reason ?? '');
    case 'UNKNOWN':
      return delivery.unknown;
  }
}
