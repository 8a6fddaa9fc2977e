// The search box: headings, and the words that tables explain. Without this file the site loses nothing else.
const field = document.querySelector('#search');
const found = document.querySelector('#found');
const list = found.querySelector('ul');
const count = document.querySelector('#count');
const MOST = 12;

let loading;
const load = () => (loading ??= fetch('search.json').then((answer) => answer.json()).catch((error) => {
  loading = undefined;
  throw error;
}));

field.addEventListener('focus', () => load().catch(() => {}));
field.addEventListener('input', () => show(field.value));
field.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown') move(event, list.querySelector('a'));
  if (event.key === 'Enter') list.querySelector('a')?.click();
  if (event.key === 'Escape') close();
});
list.addEventListener('keydown', (event) => {
  const item = event.target.closest('li');
  if (event.key === 'ArrowDown') move(event, item.nextElementSibling?.firstChild);
  if (event.key === 'ArrowUp') move(event, item.previousElementSibling?.firstChild ?? field);
  if (event.key === 'Escape') {
    field.focus();
    close();
  }
});
addEventListener('pointerdown', (event) => {
  if (!event.target.closest('search')) close();
});
list.addEventListener('click', () => close());
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.matches('input')) return;
  event.preventDefault();
  field.focus();
});

// The sidebar: where one is, is in view; what leads to a place on this page closes it on a narrow screen.
const nav = document.querySelector('nav');
const here = nav.querySelector('[aria-current]');
if (here && here.offsetTop > nav.clientHeight - 100) nav.scrollTop = here.offsetTop - 100;
nav.addEventListener('click', (event) => {
  if (event.target.closest('a') && nav.matches(':popover-open')) nav.hidePopover();
});

function move(event, to) {
  event.preventDefault();
  to?.focus();
}

function close() {
  found.hidden = true;
}

async function show(typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return close();
  const entries = await load().catch(() => []);
  if (typed !== field.value) return;
  const hits = entries.map((entry) => ({ entry, rank: rank(entry, words) })).filter(({ rank }) => rank > 0).sort((a, b) => b.rank - a.rank);
  list.replaceChildren(...hits.slice(0, MOST).map(({ entry: [title, heading, to, explained] }) => {
    const link = Object.assign(document.createElement('a'), { href: to });
    const word = explained.split(' ').find((one) => words.some((part) => one.toLowerCase().includes(part)))?.replace(/\W+$/, '');
    const where = document.createElement('small');
    where.textContent = [heading === title ? '' : title, word].filter(Boolean).join(' · ');
    link.append(heading, where);
    const item = document.createElement('li');
    item.append(link);
    return item;
  }));
  count.textContent = hits.length === 0 ? 'Nothing found' : hits.length > MOST ? `The first ${MOST} of ${hits.length}` : `${hits.length} found`;
  found.hidden = false;
}

/** 0: some word is nowhere. */
function rank([title, heading, , explained], words) {
  const name = heading.toLowerCase();
  const all = `${name} ${title} ${explained}`.toLowerCase();
  if (!words.every((word) => all.includes(word))) return 0;
  const names = explained.toLowerCase().split(/[ .]/);
  return 1 + words.filter((word) => name.includes(word)).length * 2 + words.filter((word) => name.startsWith(word) || names.includes(word)).length * 3;
}
