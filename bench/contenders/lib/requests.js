// What the contenders without a library share.

export function ok(response) {
  if (!response.ok) throw new Error(`status ${response.status}`);
}

/** Does `work` for each item, `width` at a time; returns how many there were. */
export async function pool(items, width, work) {
  let next = 0;
  const hand = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: width }, hand));
  return items.length;
}

export function slices(items, length) {
  const list = [...items];
  return Array.from({ length: Math.ceil(list.length / length) }, (_, n) => list.slice(n * length, (n + 1) * length));
}
