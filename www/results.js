// What can be done with documents as soon as they are processed: they are searched, opened, and looked over.
import { Search } from './search.js';
import { Verify } from './verify.js';

export class Results {
  #section;
  #count;
  #search;
  #verify;
  #words;
  /** Where the batch is that is uploaded now. */
  #server;
  /** Of the batch that is shown, as the server told it last. */
  #status;

  /** `server()`: where what is uploaded now goes, as `{ client, baseUrl, apiKey }`; nothing where nothing can be searched. */
  constructor(section, element, server) {
    this.#section = section;
    this.#count = section.querySelector('#results-count');
    this.#search = new Search(section.querySelector('search'));
    this.#verify = new Verify(section.querySelector('#verify'));
    // By the time that something can be found, another target may be chosen.
    element.addEventListener('uploaderchange', () => { this.#server = server(); });
    element.addEventListener('status', ({ detail }) => this.#take(detail));
  }

  /** In which words. */
  set words(words) {
    this.#words = this.#search.words = this.#verify.words = words;
    this.#tell();
  }

  /** A batch is of interest once something of it can be found, or nothing ever will. */
  #take(status) {
    const { batchId, processedFiles, failedFiles, totalFiles } = status;
    if (batchId !== this.#status?.batchId) {
      if (!this.#server || (processedFiles === 0 && failedFiles < totalFiles)) return;
      this.#search.of(this.#server, batchId);
      this.#verify.of(this.#server, batchId);
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
