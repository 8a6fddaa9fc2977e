// Before the first paint: light or dark, as it was chosen on an earlier visit. A classic script, because modules come after that.
try {
  document.documentElement.dataset.theme = JSON.parse(localStorage.getItem('cloudindex-page')).theme;
} catch {
  // Nothing is kept, or nothing may be: as the system has it.
}
