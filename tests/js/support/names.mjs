// Names as people write them, and characters that would make one seem to be another.

/** Of no width, or turning what is around them: alone, or between Latin letters. */
export const HIDDEN = [
  '\u0000', '\n', '\u007f', '\u009b', '\u061c', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e',
  '\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff', '\u00ad', '\u2028', '\u{e0041}',
];

export const VISIBLE = [
  'Łódź', 'e\u0301', 'O’Brien-Smith (2)', '李小龙', 'محمد', 'می\u200cخواهم', 'क्\u200dष', 'ജോണ്\u200d', '👩\u200d👩\u200d👧', '❤\ufe0f\u200d🔥',
  '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}', 'שלום',
];
