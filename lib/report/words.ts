import type { Words } from "../calendar/holidays.ts";
import { readData } from "../data.ts";
import type { Language } from "../messages.ts";

let words: Readonly<Record<string, Words>> | undefined;

/** A word of a report, with its places filled. */
function reportWord(key: string, language: Language, details: Readonly<Record<string, string | number>> = {}): string {
	words ??= readData<Record<string, Words>>("lib/report/words.json");
	const template = words[key]?.[language] ?? key;
	return template.replace(/\{(\w+)\}/g, (place, name: string) => String(details[name] ?? place));
}

const weekdays: Readonly<Record<Language, readonly string[]>> = {
	"en-US": ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
	ko: ["일", "월", "화", "수", "목", "금", "토"],
};
const months = [
	...["January", "February", "March", "April", "May", "June", "July"],
	...["August", "September", "October", "November", "December"],
];

/** Numbers and dates as a report writes them. */
export class Writer {
	readonly language: Language;

	constructor(language: Language) {
		this.language = language;
	}

	word(key: string, details: Readonly<Record<string, string | number>> = {}): string {
		return reportWord(key, this.language, details);
	}

	of(words: Words): string {
		return words[this.language];
	}

	/** A figure of a table; an en dash where it is not known. */
	number(value: number | null | undefined, decimals = 0): string {
		if (value === null || value === undefined || Number.isNaN(value)) return "–";
		const rounded = Math.abs(value) < 0.5 * 10 ** -decimals ? 0 : value;
		return rounded.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
	}

	/** A figure of a card: three significant digits, or whole where it has more. */
	card(value: number | null): string {
		if (value === null || Number.isNaN(value)) return "–";
		const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
		return this.number(value, Math.min(digits, 2));
	}

	/** Energy of a card: kWh, above 10,000 in MWh. */
	energy(kwh: number): { value: string; unit: string } {
		return kwh >= 10_000 ? { value: this.card(kwh / 1000), unit: "MWh" } : { value: this.card(kwh), unit: "kWh" };
	}

	/** `Tue 13 Oct`, `10월 13일(화)`. @param date `2026-10-13` */
	day(date: string): string {
		const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
		const weekday = weekdays[this.language][new Date(Date.UTC(year, month - 1, day)).getUTCDay()];
		return this.language === "ko"
			? `${month}월 ${day}일(${weekday})`
			: `${weekday} ${day} ${months[month - 1]?.slice(0, 3)}`;
	}

	/** `October 2026`, `2026년 10월`. @param text `2026-10` */
	month(text: string): string {
		const [year = "", month = "1"] = text.split("-");
		return this.language === "ko" ? `${year}년 ${Number(month)}월` : `${months[Number(month) - 1]} ${year}`;
	}

	/** Day and time of an instant, by its own offset. @param iso `2026-10-13T15:45:00+09:00` */
	instant(iso: string): string {
		return `${this.day(iso.slice(0, 10))} ${iso.slice(11, 16)}`;
	}

	/** Title of a period. */
	period(kind: "day" | "month", period: string): string {
		if (kind === "month") return this.month(period);
		return this.language === "ko"
			? `${period.slice(0, 4)}년 ${this.day(period)}`
			: `${this.day(period)} ${period.slice(0, 4)}`;
	}
}
