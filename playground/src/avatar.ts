// Pictures of users.

/**
 * Returns the path of a picture that the server itself serves; undefined for a picture that the user has chosen. Those
 * are always https, so a picture with http is the server's, even if its URL has another name of the server's host.
 */
export function ownPicture(url: string, origin = location.origin): string | undefined {
  if (!url.startsWith('http:') && !url.startsWith(`${origin}/`)) return undefined;
  return /\/avatars\/\d+\.svg$/.exec(url)?.[0];
}
