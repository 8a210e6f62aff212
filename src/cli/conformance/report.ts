/** Prints each case as it ends: by section, or as one JSON object a line. */
export class Report {
  readonly #isJson: boolean;
  #section = '';
  #held = 0;
  #failed = 0;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  /** @param words what failed, null if the case holds */
  add({ section, name }: { readonly section: string; readonly name: string }, words: string | null): void {
    if (words === null) this.#held += 1;
    else this.#failed += 1;
    if (this.#isJson) {
      console.log(JSON.stringify({ section, case: name, ok: words === null, ...(words && { words }) }));
      return;
    }
    if (section !== this.#section) console.log(`\n${section}`);
    this.#section = section;
    console.log(`  ${words === null ? 'ok  ' : 'FAIL'} ${name}`);
    if (words !== null) console.log(`       ${words}`);
  }

  /** Whether all cases hold. */
  end(): boolean {
    if (!this.#isJson) console.log(`\n${this.#held} of ${this.#held + this.#failed} hold.`);
    return this.#failed === 0;
  }
}
