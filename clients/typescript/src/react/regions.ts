// Calling codes of common regions, each with an example number.

export interface Region {
  code: string;
  calling: string;
  example: string;
}

const REGIONS: Region[] = (
  'CN 86 13711112222,HK 852 51234567,MO 853 66123456,TW 886 912345678,SG 65 81234567,MY 60 123456789,JP 81 9012345678,' +
  'KR 82 1020000000,TH 66 812345678,VN 84 912345678,ID 62 812345678,PH 63 9051234567,IN 91 8123456789,AU 61 412345678,' +
  'NZ 64 211234567,US 1 2015550123,CA 1 5062345678,MX 52 2221234567,BR 55 11961234567,AR 54 91123456789,' +
  'GB 44 7400123456,IE 353 850123456,DE 49 15123456789,FR 33 612345678,ES 34 612345678,IT 39 3123456789,' +
  'NL 31 612345678,CH 41 781234567,AT 43 664123456,SE 46 701234567,PL 48 512345678,RU 7 9123456789,TR 90 5012345678,' +
  'AE 971 501234567,SA 966 512345678,EG 20 1001234567,NG 234 8021234567,KE 254 712123456,ZA 27 711234567'
)
  .split(',')
  .map((line) => {
    const [code = '', calling = '', example = ''] = line.split(' ');
    return { code, calling, example };
  });

/** Returns the regions to choose from, the default first. */
export function regionChoices(allowed: readonly string[] | undefined, first: string | undefined): Region[] {
  const choices = REGIONS.filter(({ code }) => !allowed || allowed.includes(code));
  return choices.sort((a, b) => Number(b.code === first) - Number(a.code === first));
}

/** Returns the number to send: an international number as typed, a national one with its calling code. */
export function fullNumber(typed: string, region: Region | undefined): string {
  const text = typed.normalize('NFKC').trim();
  return text.startsWith('+') || !region ? text : `+${region.calling}${text.replace(/\D/g, '')}`;
}

/** Returns the first digits of a text, full-width digits included. */
export function readDigits(text: string, length: number): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, length);
}
