// Finds the messages that belong to a request.

export interface SmsMessage {
  id: number;
  phone: string;
  code: string;
  text: string;
  sentAt: string;
}

/** Returns the id of the newest message; 0 if there is none. */
export function newestId(messages: SmsMessage[]): number {
  return messages[0]?.id ?? 0;
}

const digitsOf = (phone: string) => phone.replace(/\D/g, '').replace(/^0+/, '');

/**
 * Returns the message that a request for a code caused: the first one to the phone after the message `before`. The user
 * may have typed the phone without its calling code.
 */
export function messageAfter(before: number, phone: string, messages: SmsMessage[]): SmsMessage | undefined {
  return messages.findLast((message) => message.id > before && digitsOf(message.phone).endsWith(digitsOf(phone)));
}
