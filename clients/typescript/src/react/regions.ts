// Calling codes of common regions, each with an example number.

export interface Region {
  code: string;
  calling: string;
  example: string;
}

const REGIONS: Region[] = (
  'CN 86 137 1111 2222,HK 852 5123 4567,MO 853 6612 3456,TW 886 912 345 678,SG 65 8123 4567,MY 60 12 345 6789,' +
  'JP 81 90 1234 5678,KR 82 10 2000 0000,TH 66 81 234 5678,VN 84 91 234 5678,ID 62 812 345 678,PH 63 905 123 4567,' +
  'IN 91 81234 56789,AU 61 412 345 678,NZ 64 21 123 4567,US 1 201 555 0123,CA 1 506 234 5678,MX 52 222 123 4567,' +
  'BR 55 11 96123 4567,AR 54 9 11 2345 6789,GB 44 7400 123456,IE 353 85 012 3456,DE 49 1512 3456789,' +
  'FR 33 6 12 34 56 78,ES 34 612 34 56 78,IT 39 312 345 6789,NL 31 6 12345678,CH 41 78 123 45 67,AT 43 664 123456,' +
  'SE 46 70 123 45 67,PL 48 512 345 678,RU 7 912 345 67 89,TR 90 501 234 56 78,AE 971 50 123 4567,SA 966 51 234 5678,' +
  'EG 20 100 123 4567,NG 234 802 123 4567,KE 254 712 123456,ZA 27 71 123 4567'
)
  .split(',')
  .map((line) => {
    const [code = '', calling = '', ...groups] = line.split(' ');
    return { code, calling, example: groups.join(' ') };
  });

/** Returns the regions to choose from, the default first. */
export function regionChoices(allowed?: readonly string[] | null, first?: string): Region[] {
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

/** Formats an international number in groups, without line breaks. */
export function formatPhone(phone: string): string {
  const mainland = /^\+86(\d{3})(\d{4})(\d{4})$/.exec(phone);
  if (mainland) return `+86\u00a0${mainland.slice(1).join('\u00a0')}`;
  const [region] = REGIONS.filter(({ calling }) => phone.startsWith(`+${calling}`)).sort((a, b) => b.calling.length - a.calling.length);
  return region ? `+${region.calling}\u00a0${phone.slice(region.calling.length + 1).trim()}` : phone;
}
