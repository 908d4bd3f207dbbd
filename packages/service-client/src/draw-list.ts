/** Items to draw from at random, in no order: one of thousands comes and goes without the others being touched. */
export class DrawList<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  /** The same array all the time. */
  get items(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    if (this.#places.has(item)) return;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
  }

  delete(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    // The last one takes its place.
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#items[place] = last;
    this.#places.set(last, place);
  }
}
