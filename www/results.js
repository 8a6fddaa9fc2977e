// What can be done with documents as soon as they are processed: they are searched, opened, and looked over.
import { Search } from './search.js';
import { Verify } from './verify.js';

export class Results {
  #section;
  #count;
  #search;
  #verify;
  #words;
  /** Of the batch that is shown, as the server told it last. */
  #status;

  /** `server()`: where what is uploaded now goes, as `{ client, baseUrl, apiKey }`; nothing where nothing can be searched. */
  constructor(section, element, server) {
    this.#section = section;
    this.#count = section.querySelector('#results-count');
    this.#search = new Search(section.querySelector('search'));
    this.#verify = new Verify(section.querySelector('#verify'));
    element.addEventListener('status', ({ detail }) => this.#take(detail, server));
  }

  /** In which words. */
  set words(words) {
    this.#words = this.#search.words = this.#verify.words = words;
    this.#tell();
  }

  /** A batch is of interest once something of it can be found, or nothing ever will. */
  #take(status, server) {
    const { batchId, processedFiles, failedFiles, totalFiles } = status;
    if (batchId !== this.#status?.batchId) {
      const there = processedFiles > 0 || failedFiles >= totalFiles ? server() : undefined;
      if (!there) return;
      this.#search.of(there, batchId);
      this.#verify.of(there, batchId);
    }
    this.#status = status;
    this.#tell();
  }

  #tell() {
    if (!this.#status || !this.#words) return;
    const { say, count } = this.#words;
    const { processedFiles, totalFiles } = this.#status;
    this.#section.hidden = false;
    this.#section.dataset.found = processedFiles > 0 ? 'some' : 'none';
    this.#count.textContent = say(processedFiles > 0 ? 'resultsCount' : 'resultsNone', { found: count(processedFiles), total: count(totalFiles) });
    this.#verify.total = totalFiles;
  }
}
