/** How fast the upload was and is, as a small picture. */
import { html, svg } from 'lit';
import type { TemplateResult } from 'lit';

/** Points of the picture; when there are more, two become one and each stands for twice the time. */
const POINTS = 96;
const HEIGHT = 32;

/** The speeds of an upload, from its start to now, in as many points as the picture has. */
export class History {
  points: number[] = [];
  most = 0;
  #every = 250;
  #sum = 0;
  #taken = 0;
  #since = 0;

  add(bytesPerSecond: number, now: number): void {
    this.#sum += bytesPerSecond;
    this.#taken++;
    if (now - this.#since < this.#every) return;
    const mean = this.#sum / this.#taken;
    [this.#sum, this.#taken, this.#since] = [0, 0, now];
    this.points.push(mean);
    this.most = Math.max(this.most, mean);
    if (this.points.length <= POINTS) return;
    const halved: number[] = [];
    for (let i = 0; i + 1 < this.points.length; i += 2) halved.push(((this.points[i] as number) + (this.points[i + 1] as number)) / 2);
    this.points = halved;
    this.#every *= 2;
  }
}

/** Needs two points; `label` says it in words. */
export function chart({ points, most }: History, label: string): TemplateResult {
  const top = most || 1;
  const at = (value: number, i: number) => `${((i * POINTS) / (points.length - 1)).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 4)).toFixed(1)}`;
  const line = points.map(at).join(' ');
  return html`<svg part="chart" class="chart" role="img" aria-label=${label} viewBox="0 0 ${POINTS} ${HEIGHT}" preserveAspectRatio="none">
    ${svg`<polygon points="0,${HEIGHT} ${line} ${POINTS},${HEIGHT}"></polygon><polyline points=${line} vector-effect="non-scaling-stroke"></polyline>`}
  </svg>`;
}
