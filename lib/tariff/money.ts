/** How an amount becomes what a bill shows: `cut` drops the rest towards zero, `round` takes the nearest, half away from zero. */
export interface Rounding {
	mode: "cut" | "round" | "none";
	/** Smallest step, e.g. 1 won, 10 won, 0.01 dollar. */
	step: number;
}

/**
 * An exact number: a fraction of two big integers. Rates, quantities and shares of days multiply without error, and
 * only a rounding rule of the tariff ever drops a digit. Binary floating point has no part in an amount.
 */
export class Exact {
	readonly #numerator: bigint;
	/** Always positive. */
	readonly #denominator: bigint;

	private constructor(numerator: bigint, denominator: bigint) {
		this.#numerator = denominator < 0n ? -numerator : numerator;
		this.#denominator = denominator < 0n ? -denominator : denominator;
	}

	static readonly zero = new Exact(0n, 1n);

	/**
	 * The decimal that a number prints as: 0.1 is one tenth, not its binary neighbour.
	 * @throws RangeError for NaN and infinities
	 */
	static of(value: number | string | bigint): Exact {
		if (typeof value === "bigint") return new Exact(value, 1n);
		const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(String(value));
		if (!match) throw new RangeError(`not a decimal number: ${value}`);
		const [, sign = "", whole = "0", fraction = "", exponent = "0"] = match;
		const power = Number(exponent) - fraction.length;
		const digits = BigInt(`${sign}${whole}${fraction}`);
		return power >= 0 ? new Exact(digits * 10n ** BigInt(power), 1n) : new Exact(digits, 10n ** BigInt(-power));
	}

	/** numerator ÷ denominator, exactly. */
	static ratio(numerator: number, denominator: number): Exact {
		return Exact.of(numerator).over(Exact.of(denominator));
	}

	static sum(values: Iterable<Exact>): Exact {
		let total = Exact.zero;
		for (const value of values) total = total.plus(value);
		return total;
	}

	static max(first: Exact, ...others: readonly Exact[]): Exact {
		return others.reduce((largest, value) => (value.exceeds(largest) ? value : largest), first);
	}

	static min(first: Exact, ...others: readonly Exact[]): Exact {
		return others.reduce((smallest, value) => (smallest.exceeds(value) ? value : smallest), first);
	}

	plus(other: Exact): Exact {
		if (this.#denominator === other.#denominator) {
			return new Exact(this.#numerator + other.#numerator, this.#denominator);
		}
		return new Exact(
			this.#numerator * other.#denominator + other.#numerator * this.#denominator,
			this.#denominator * other.#denominator,
		);
	}

	minus(other: Exact): Exact {
		return this.plus(new Exact(-other.#numerator, other.#denominator));
	}

	times(other: Exact): Exact {
		return new Exact(this.#numerator * other.#numerator, this.#denominator * other.#denominator);
	}

	/** @throws RangeError for a division by zero */
	over(other: Exact): Exact {
		if (other.#numerator === 0n) throw new RangeError("division by zero");
		return new Exact(this.#numerator * other.#denominator, this.#denominator * other.#numerator);
	}

	compare(other: Exact): -1 | 0 | 1 {
		const difference = this.#numerator * other.#denominator - other.#numerator * this.#denominator;
		return difference < 0n ? -1 : difference > 0n ? 1 : 0;
	}

	equals(other: Exact): boolean {
		return this.compare(other) === 0;
	}

	exceeds(other: Exact): boolean {
		return this.compare(other) > 0;
	}

	get sign(): -1 | 0 | 1 {
		return this.#numerator < 0n ? -1 : this.#numerator > 0n ? 1 : 0;
	}

	rounded({ mode, step }: Rounding): Exact {
		if (mode === "none") return this;
		const unit = Exact.of(step);
		const steps = this.over(unit);
		const negative = steps.#numerator < 0n;
		const magnitude = negative ? -steps.#numerator : steps.#numerator;
		const whole =
			mode === "cut"
				? magnitude / steps.#denominator
				: (2n * magnitude + steps.#denominator) / (2n * steps.#denominator);
		return unit.times(Exact.of(negative ? -whole : whole));
	}

	/** The nearest number; exact for every amount a rounding rule has been through. */
	toNumber(): number {
		const negative = this.#numerator < 0n;
		const magnitude = negative ? -this.#numerator : this.#numerator;
		// Through decimal text, so that what is a short decimal prints as one.
		const scaled = (magnitude * 10n ** 15n * 2n + this.#denominator) / (this.#denominator * 2n);
		const text = scaled.toString().padStart(16, "0");
		const value = Number(`${text.slice(0, -15)}.${text.slice(-15)}`);
		return negative && value !== 0 ? -value : value;
	}

	/** Decimal text with at most 15 places. */
	toString(): string {
		return String(this.toNumber());
	}
}
