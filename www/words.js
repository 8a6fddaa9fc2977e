// Words and figures in the language that is wanted. English stands in index.html, where `data-say` names each text, and in
// words/en.js; the other languages have a file each, loaded when it is wanted.
import { words as made } from './words/en.js';

const LANGUAGES = {
  de: () => import('./words/de.js'),
  ja: () => import('./words/ja.js'),
  ar: () => import('./words/ar.js'),
};

const places = [...document.querySelectorAll('[data-say]')];
const english = { ...made, ...Object.fromEntries(places.map((place) => [place.dataset.say, place.textContent])) };

/** The wanted language; without one the first of the browser's that is there. */
function pick(wanted) {
  const known = (tag) => [...Object.keys(LANGUAGES), 'en'].find((language) => language === tag.split('-')[0].toLowerCase());
  return known(wanted) ?? navigator.languages.map(known).find(Boolean) ?? 'en';
}

/** Puts the page into a language, and returns its words and figures. */
export async function speak(wanted) {
  const language = pick(wanted);
  const words = { ...english, ...(await LANGUAGES[language]?.())?.words };
  const root = document.documentElement;
  root.lang = language;
  root.dir = language === 'ar' ? 'rtl' : 'ltr';
  for (const place of places) place.textContent = words[place.dataset.say];
  return {
    language,
    strings: words.strings,
    say: (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (place, value) => values[value] ?? place),
    ...figures(language),
  };
}

function figures(language) {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'].map((unit, i) => new Intl.NumberFormat(language, {
    style: 'unit', unit, unitDisplay: i === 0 ? 'long' : 'short', maximumFractionDigits: i === 0 ? 0 : 1, minimumFractionDigits: i === 0 ? 0 : 1,
  }));
  return {
    count: (number) => whole.format(number),
    ratio: (number) => (number < 100 ? tenth : whole).format(number),
    size(bytes) {
      const unit = bytes < 999.5 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes * 1.00005) / 3));
      return units[unit].format(bytes / 1000 ** unit);
    },
    percent: (part) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(part),
    date: (moment) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(moment),
  };
}
