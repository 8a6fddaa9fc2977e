// Sample files: documents of a few kinds with text that can be read and searched, and one long table. They are made when they are
// wanted, a few at a time, so that the page stays alive; and always the same, so that a second upload shows what is not sent twice.

/** ms of work before others have their turn. */
const SLICE = 8;

const TOPICS = ['Wind turbine', 'Heat pump', 'Tram depot', 'Water works', 'Solar roof', 'Archive', 'Ferry', 'Greenhouse', 'Observatory', 'Bridge'];
const MATTERS = ['inspection', 'maintenance', 'handover', 'incident', 'budget', 'training', 'inventory', 'survey', 'permit', 'forecast'];
const SUBJECTS = ['The team', 'The operator', 'An engineer', 'The night shift', 'The supplier', 'The inspector', 'A visitor', 'The council'];
const VERBS = ['checked', 'replaced', 'measured', 'approved', 'reported', 'documented', 'postponed', 'repaired'];
const OBJECTS = ['the main bearing', 'every second valve', 'the spare parts', 'the control cabinet', 'last month’s readings', 'the emergency plan', 'the cooling circuit', 'the delivery'];
const WHEN = ['in the morning', 'before the storm', 'without any finding', 'as agreed', 'under full load', 'for the third time', 'ahead of schedule', 'after a short test'];

/** Numbers from 0 to 1, the same for the same seed. */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a document is written with: its own luck, so that no two are alike. */
function pen(seed) {
  const next = chance(seed);
  const one = (list) => list[Math.floor(next() * list.length)];
  const many = (least, most, make) => Array.from({ length: least + Math.floor(next() * (most - least + 1)) }, make);
  const number = (most) => Math.floor(next() * most);
  const sentence = () => `${one(SUBJECTS)} ${one(VERBS)} ${one(OBJECTS)} ${one(WHEN)}, reading ${number(10_000) / 10}.`;
  const paragraph = () => many(3, 6, sentence).join(' ');
  return { one, many, number, sentence, paragraph };
}

const KINDS = {
  md: { type: 'text/markdown', folder: 'notes', text: (title, { many, paragraph, sentence }) => `# ${title}\n\n${many(2, 6, paragraph).join('\n\n')}\n\n## To do\n\n${many(2, 5, () => `- ${sentence()}`).join('\n')}\n` },
  html: { type: 'text/html', folder: 'pages', text: (title, { many, paragraph }) => `<!doctype html>\n<html lang="en">\n<title>${title}</title>\n<h1>${title}</h1>\n${many(3, 8, () => `<p>${paragraph()}</p>`).join('\n')}\n</html>\n` },
  csv: { type: 'text/csv', folder: 'tables', text: (title, write) => `item,checked,reading\n${write.many(20, 80, () => line(write)).join('')}` },
  json: { type: 'application/json', folder: 'records', text: (title, { many, one, number, sentence }) => `${JSON.stringify({ title, entries: many(4, 14, () => ({ by: one(SUBJECTS), hours: number(90) / 10, note: sentence() })) }, undefined, 2)}\n` },
};

function line({ one, number }) {
  return `${one(OBJECTS)},${one(VERBS)},${number(1_000_000) / 100}\n`;
}

/** `number` documents, and the table after the first few: so it travels while the others do. */
export async function* samples(number) {
  let rested = performance.now();
  const rest = async () => {
    if (performance.now() - rested < SLICE) return;
    await new Promise((next) => setTimeout(next));
    rested = performance.now();
  };
  for (let i = 0; i < number; i++) {
    if (i === 20) yield await table(rest);
    await rest();
    yield sample(i);
  }
}

function sample(i) {
  const kind = Object.keys(KINDS)[i % 4];
  const { type, folder, text } = KINDS[kind];
  const write = pen(i + 1);
  const title = `${write.one(TOPICS)} ${write.one(MATTERS)} ${i + 1}`;
  return file([text(title, write)], `${folder}/${title}.${kind}`, type, i);
}

/** Some megabytes: more than travels in one request. */
async function table(rest) {
  const write = pen(0);
  const parts = ['item,checked,reading\n'];
  for (let i = 0; i < 800; i++) {
    await rest();
    parts.push(Array.from({ length: 200 }, () => line(write)).join(''));
  }
  return file(parts, 'measurements.csv', 'text/csv', 0);
}

/** A file as a folder dialogue gives it: with its path, and a time that is always the same. */
function file(parts, path, type, i) {
  const made = new File(parts, path.split('/').at(-1), { type, lastModified: Date.UTC(2026, 0, 5, 8, 0, 0, 123) + i * 60_000 });
  Object.defineProperty(made, 'webkitRelativePath', { value: `samples/${path}` });
  return made;
}
