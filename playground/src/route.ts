// The part of the address after the #. It says which view and which step is open, so reload, Back and Forward work.
import { useSyncExternalStore } from 'react';

export const START = '#';
export const CODE = '#code';
export const EXPLORER = '#explorer';
export const CHANGE_PHONE = '#change-phone';
export const DELETE_ACCOUNT = '#delete-account';

/** Returns the step of a panel in which the user enters the code. */
export function codeStep(panel: string): string {
  return `${panel}/code`;
}

/** Returns whether a step belongs to a panel of the account. */
export function isPanel(hash: string): boolean {
  return [CHANGE_PHONE, DELETE_ACCOUNT].some((panel) => hash === panel || hash === codeStep(panel));
}

/** Opens a step. Back returns to the one before. */
export function go(hash: string): void {
  location.hash = hash;
}

/** Opens a step in place of the current one, to which Back must not return. */
export function replace(hash: string): void {
  location.replace(hash);
}

/** Returns the part of the address after the #, with the #. */
export function useRoute(): string {
  return useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener);
      return () => removeEventListener('hashchange', listener);
    },
    () => location.hash || START,
  );
}
